// httpd's own list of files: none, fs_open_custom in main.c has them.
#define FS_ROOT NULL
#define FS_NUMFILES 0
