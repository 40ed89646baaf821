/* One TLS connection with wolfSSL, on 127.0.0.1.
 *
 *   wolf connect PORT HOST ROOT [FOLDER]   with the identity in FOLDER; HOST is compared with the certificate
 *   wolf accept  PORT FOLDER [ROOT]        with ROOT, the client must have an identity
 *
 * Prints "hello", which the server sends, or "error" and wolfSSL's number. */
#include <wolfssl/options.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/ssl.h>

static int fail(const char *what, int error) {
    printf("%s: error %d\n", what, error);
    return 1;
}

/* load loads certificate and key in a folder, and a root; each may be missing or empty. */
static void load(WOLFSSL_CTX *context, const char *folder, const char *root) {
    char cert[4096], key[4096];
    int failed = root && *root && wolfSSL_CTX_load_verify_locations(context, root, NULL) != WOLFSSL_SUCCESS;
    if (folder && *folder) {
        snprintf(cert, sizeof cert, "%s/cert.pem", folder);
        snprintf(key, sizeof key, "%s/key.pem", folder);
        failed = failed || wolfSSL_CTX_use_certificate_file(context, cert, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS;
        failed = failed || wolfSSL_CTX_use_PrivateKey_file(context, key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS;
    }
    if (failed) {
        puts("a file does not load");
        exit(1);
    }
}

static int run_client(WOLFSSL_CTX *context, int fd, const char *host) {
    WOLFSSL *ssl = wolfSSL_new(context);
    char answer[16] = "";
    wolfSSL_set_fd(ssl, fd);
    if (wolfSSL_check_domain_name(ssl, host) != WOLFSSL_SUCCESS) {
        return fail("host", wolfSSL_get_error(ssl, 0));
    }
    if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
        return fail("connect", wolfSSL_get_error(ssl, 0));
    }
    if (wolfSSL_read(ssl, answer, sizeof answer - 1) <= 0) {
        return fail("read", wolfSSL_get_error(ssl, 0));
    }
    puts(answer);
    return 0;
}

static int run_server(WOLFSSL_CTX *context, int listener) {
    listen(listener, 1);
    puts("listening");
    fflush(stdout);
    WOLFSSL *ssl = wolfSSL_new(context);
    wolfSSL_set_fd(ssl, accept(listener, NULL, NULL));
    if (wolfSSL_accept(ssl) != WOLFSSL_SUCCESS) {
        return fail("accept", wolfSSL_get_error(ssl, 0));
    }
    wolfSSL_write(ssl, "hello", 5);
    wolfSSL_shutdown(ssl);
    puts("hello");
    return 0;
}

int main(int count, char **words) {
    if (count < 4) {
        return 2;
    }
    const char *last = count > 5 ? words[5] : NULL;
    int server = !strcmp(words[1], "accept"), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    signal(SIGPIPE, SIG_IGN);
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(server ? wolfTLS_server_method() : wolfTLS_client_method());
    if (server) {
        const char *root = count > 4 ? words[4] : "";
        load(context, words[3], root);
        wolfSSL_CTX_set_verify(context, *root ? WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : WOLFSSL_VERIFY_NONE, NULL);
    } else {
        load(context, last, words[4]);
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, NULL); /* Debian's default is to verify nothing */
    }
    if ((server ? bind : connect)(fd, (struct sockaddr *)&address, sizeof address)) {
        perror(words[1]);
        return 2;
    }
    return server ? run_server(context, fd) : run_client(context, fd, words[3]);
}
