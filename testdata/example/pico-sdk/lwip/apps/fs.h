/* Stand-in for lwIP 2.2. */
#include <stdint.h>
#define FS_FILE_FLAGS_HEADER_PERSISTENT 0x02
struct fs_file {
    const char *data;
    int len;
    int index;
    void *pextension;
    uint8_t flags;
    uint8_t is_custom_file;
};
int fs_open_custom(struct fs_file *file, const char *name);
void fs_close_custom(struct fs_file *file);
