#include "front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

/* connect_as opens a connection to the program that looks as if the client had opened it. */
static int connect_as(int client, int to) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int program = socket(AF_INET, SOCK_STREAM, 0);
    if (getpeername(client, (struct sockaddr *)&address, &size)) {
        return -1;
    }
    address.sin_port = 0;
    if (bind(program, (struct sockaddr *)&address, size)) {
        return -1;
    }
    address.sin_port = htons(to);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(program, (struct sockaddr *)&address, size) ? -1 : program;
}

/* read_turn waits for the program's line; 0 when it closes the connection instead. */
static int read_turn(int program, char *line, size_t size) {
    size_t filled = 0;
    while (filled < size - 1 && read(program, line + filled, 1) == 1) {
        if (line[filled] == '\n') {
            line[filled] = 0;
            return 1;
        }
        filled++;
    }
    return 0;
}

/* shake does the handshake in CircuitPython's order: the connection is set up before key and certificate are parsed. */
static int shake(struct board *board, struct wire *wire, const struct files *files) {
    int error = board_configure(board, MBEDTLS_SSL_IS_SERVER, files->ca);
    if (!error) {
        error = board_attach(board, NULL, wire);
    }
    if (!error) {
        error = board_load(board, files);
    }
    return error ? error : board_handshake(board);
}

static int to_program(struct board *board, int program) {
    char text[1024];
    int got = mbedtls_ssl_read(&board->ssl, (unsigned char *)text, sizeof text);
    return got > 0 && write(program, text, got) == got;
}

static int to_client(struct board *board, int program) {
    char text[1024];
    int got = read(program, text, sizeof text), sent = 0;
    while (sent < got) {
        int more = mbedtls_ssl_write(&board->ssl, (unsigned char *)text + sent, got - sent);
        if (more <= 0) {
            return 0;
        }
        sent += more;
    }
    return got > 0;
}

/* relay passes text on until one side ends. */
static void relay(struct board *board, int client, int program) {
    struct pollfd ready[] = {{.fd = client, .events = POLLIN}, {.fd = program, .events = POLLIN}};
    int open = 1;
    while (open && poll(ready, 2, -1) > 0) {
        if (ready[1].revents) {
            open = to_client(board, program);
        } else if (ready[0].revents) {
            do {
                open = to_program(board, program);
            } while (open && mbedtls_ssl_check_pending(&board->ssl));
        }
    }
}

/* carry does all of one connection, in a process of its own. */
static void carry(const struct style *style, struct wire *wire, int to) {
    static struct board board;
    char line[1024], cert[300], key[300], ca[300];
    int program = connect_as(wire->socket, to);
    if (program < 0 || !read_turn(program, line, sizeof line) || sscanf(line, "%299s %299s %299s", cert, key, ca) != 3) {
        return;
    }
    struct files files = {cert, key, strcmp(ca, "-") ? ca : NULL};
    board.style = style;
    int error = shake(&board, wire, &files);
    size_t peak = heap.peak;
    if (write(program, &error, sizeof error) == sizeof error && !error) {
        relay(&board, wire->socket, program);
    }
    board_free(&board);
    printf("{\"error\":%d,\"heap_peak\":%zu,\"heap_end\":%zu}\n", error, peak, heap.held);
}

void front_run(const struct style *style, int listener, int to, int connections, int seconds) {
    static struct wire wire;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < connections; i++) {
        wire_accept(&wire, listener, seconds);
        fflush(stdout);
        if (fork() == 0) {
            alarm(seconds);
            close(listener);
            carry(style, &wire, to);
            fflush(stdout);
            _exit(0);
        }
        close(wire.socket);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    while (wait(NULL) > 0) {
    }
}
