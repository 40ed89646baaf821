# The TLS configuration is the rp2 port's own file; clock.c stands in for the board's clock and random numbers.
MBEDTLS_CONFIG_FILE = '"ports/rp2/mbedtls/mbedtls_config_port.h"'
MICROPY_PY_FFI = 0
MICROPY_PY_BTREE = 0
SHARED_SRC_C_EXTRA += runtime/pyexec.c
