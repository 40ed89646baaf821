// The page, as it is, in the program's flash.
.macro file name path
.global \name
.global \name\()_end
\name: .incbin "\path"
\name\()_end:
.endm

.section .rodata
file index_html index.html
file app_webmanifest app.webmanifest
file icon_png icon.png
file sw_js sw.js
