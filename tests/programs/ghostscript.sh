#!/bin/bash
# SPDX-License-Identifier: MIT
# ghostscript.sh: renders a page with text, curves, shadings, clipping and patterns to a pixel map,
# and converts it to PDF and back.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

cat > page.ps << 'PS'
%!PS-Adobe-3.0
<< /PageSize [595 842] >> setpagedevice
/Times-Roman findfont 11 scalefont setfont
0 1 55 { /line exch def 40 800 line 13 mul sub moveto
  line 20 string cvs show (: The quick brown fox jumps over the lazy dog, ) show line dup mul 20 string cvs show } for
0 1 119 { /n exch def gsave 300 400 translate n 3 mul rotate n 120 div 1 1 n 120 div sub 0.5 setrgbcolor
  0 0 moveto 50 n 200 n sub 100 180 40 curveto 100 20 60 0 40 10 curveto closepath fill grestore } for
gsave 60 60 200 200 rectclip
<< /ShadingType 3 /ColorSpace /DeviceRGB /Coords [160 160 0 160 160 100] /Extend [true true]
   /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0.2 0] /C1 [0 0.3 1] /N 1.5 >> >> shfill grestore
/Pattern setcolorspace
<< /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 12 12] /XStep 12 /YStep 12
   /PaintProc { pop 0.1 0.6 0.2 setrgbcolor 2 2 7 7 rectfill } >> matrix makepattern setcolor
350 60 180 180 rectfill
/Helvetica-Bold findfont 60 scalefont setfont 0 setgray 60 320 moveto (sydra) false charpath 2 setlinewidth stroke
/table 5000 dict def 0 1 4999 { dup 20 string cvs cvn exch table 3 1 roll put } for
showpage
PS
options=(-q -dBATCH -dNOPAUSE -dSAFER)
run gs "${options[@]}" -sDEVICE=ppmraw -r150 -dTextAlphaBits=4 -dGraphicsAlphaBits=4 \
  -sOutputFile=page.ppm page.ps
run gs "${options[@]}" -sDEVICE=pdfwrite -sOutputFile=page.pdf page.ps
run gs "${options[@]}" -sDEVICE=ppmraw -r100 -sOutputFile=again.ppm page.pdf
run gs "${options[@]}" -sDEVICE=txtwrite -sOutputFile=- page.ps | sha256sum
wc -c page.ppm again.ppm
sha256sum page.ppm again.ppm
[[ $(wc -c < page.ppm) -gt 1000000 ]]
