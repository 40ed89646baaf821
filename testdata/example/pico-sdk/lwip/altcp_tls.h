/* Stand-in for lwIP 2.2. */
#include <stddef.h>
#include <stdint.h>
struct altcp_tls_config *altcp_tls_create_config_server_privkey_cert(const uint8_t *key, size_t key_size,
                                                                     const uint8_t *password, size_t password_size,
                                                                     const uint8_t *cert, size_t cert_size);
