#!/bin/bash
# SPDX-License-Identifier: MIT
# imagemagick.sh: draws a picture, and turns, blurs, reduces and converts it through several
# formats.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

convert="convert-im6.q16"
command -v $convert > /dev/null || convert=convert
run $convert -size 900x700 -seed 7 plasma:red-blue -fill white -stroke black \
  -draw 'circle 300,300 300,120 bezier 20,20 400,700 600,20 880,680' plasma.ppm
run $convert plasma.ppm -rotate 17 -blur 0x3 -resize 640x -modulate 110,80 -sharpen 0x1 turned.png
run $convert turned.png -colors 64 -type palette turned.gif
run $convert turned.png -quality 85 turned.jpg
for file in turned.png turned.gif turned.jpg; do
  run $convert $file -depth 8 $file.ppm
  wc -c $file.ppm
  sha256sum < $file.ppm
done
run $convert plasma.ppm -resize 200x \( +clone -flip \) \( +clone -flop \) -append -depth 8 rgb:- |
  sha256sum
