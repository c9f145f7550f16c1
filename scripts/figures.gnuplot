# SPDX-License-Identifier: MIT
# The picture of scripts/figures, which puts the data in front of this: title, and of each half
# titleN, lowN and highN (the axis: powers of 2), peersN, $rowsN (place, ratio, offset) and $meansN
# (place, mean, name).
#
# The colours are readable on white and on black.

rows = peers1 > peers2 ? peers1 : peers2
tall = 176 + 36 * rows
down (pixels) = 1 - 1. * pixels / tall
set terminal svg size 900, tall noenhanced font "sans-serif,13"
set encoding utf8
grey = "#7d7d7d"
dot = "#3b8eea"
bar = "#d9730d"
set border 0
set grid xtics noytics back linetype 1 linecolor rgb grey linewidth 0.3
set tics scale 0 textcolor rgb grey
set key off
set logscale x 2
set tmargin at screen down (116)
set bmargin at screen down (tall - 56)

set multiplot
set label 1 title at screen 0.5, screen down (22) center textcolor rgb grey font "sans-serif,18"
set label 2 "Each dot is a row of the tables; an orange bar, with its figure, is their geometric mean." \
  at screen 0.5, screen down (46) center textcolor rgb grey
set label 3 "time with sydra-alloc / time with the other (logarithmic); less is better" \
  at screen 0.5, screen down (tall - 16) center textcolor rgb grey
do for [half = 1 : 2] {
  peers = half == 1 ? peers1 : peers2
  low = half == 1 ? low1 : low2
  high = half == 1 ? high1 : high2
  step = high - low > 16 ? 3 : high - low > 7 ? 2 : 1
  set xrange [2. ** low / 1.1 : 2. ** high * 1.1]
  set xtics () font "sans-serif,12"
  do for [power = -floor (-low / step) * step : high : step] {
    name = power < 0 ? sprintf ("1/%d", 2 ** -power) : sprintf ("%d", 2 ** power)
    set xtics add (name 2. ** power)
  }
  set lmargin at screen half == 1 ? 0.125 : 0.625
  set rmargin at screen half == 1 ? 0.435 : 0.935
  set yrange [peers - 0.5 : -0.5]
  set ytics ()
  set label 4 (half == 1 ? title1 : title2) at graph 0.5, screen down (80) center \
    textcolor rgb grey font "sans-serif,15"
  set label 5 "faster" at first 1, screen down (104) right offset -0.4, 0 \
    textcolor rgb grey font "sans-serif,12"
  set label 6 "slower" at first 1, screen down (104) left offset 0.4, 0 \
    textcolor rgb grey font "sans-serif,12"
  set label 7 "mean" at graph 1.02, screen down (104) left textcolor rgb bar font "sans-serif,12"
  do for [place = 1 : peers] {
    mean = half == 1 ? $means1[place] : $means2[place]
    set label 7 + place sprintf ("%.2f", real (word (mean, 2))) \
      at graph 1.02, first place - 1 left textcolor rgb bar
  }
  array ends[2] = [-0.5, peers - 0.5]
  if (half == 1) {
    plot ends using (1):2 with lines linewidth 1.5 linecolor rgb grey, \
      $rows1 using 2:($1 + $3) with points pointtype 7 pointsize 0.45 linecolor rgb dot, \
      $means1 using 2:($1 - 0.38):(0):(0.76) with vectors nohead linewidth 3 linecolor rgb bar, \
      $means1 using 2:1:yticlabels(3) with points pointtype 0 linecolor rgb bar
  } else {
    plot ends using (1):2 with lines linewidth 1.5 linecolor rgb grey, \
      $rows2 using 2:($1 + $3) with points pointtype 7 pointsize 0.45 linecolor rgb dot, \
      $means2 using 2:($1 - 0.38):(0):(0.76) with vectors nohead linewidth 3 linecolor rgb bar, \
      $means2 using 2:1:yticlabels(3) with points pointtype 0 linecolor rgb bar
  }
  do for [place = 1 : 3] { unset label place }
}
unset multiplot
