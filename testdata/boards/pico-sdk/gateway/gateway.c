// The way from this computer to the board: it asks the board's network for the board's name, by mDNS (of an address it need
// not ask), listens on a port of 127.0.0.1, prints that port, and passes each connection on to port 443 of the board. The end
// of a connection is passed on as what it was: an orderly end or a reset. What the board sends is acknowledged before the client
// gets it, so that to the board a connection is idle as soon as the client knows the answer.
//   gateway NAME|ADDRESS, with the wire as file descriptor 3
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lwip/dns.h"
#include "lwip/init.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "pico.h"
#include "wire.h"

enum { MOST = 64, PIECE = 1024, PATIENCE_MS = 20000 };

// One connection: fd leads to the client, pcb to the board. A place is free when it has neither.
struct pipe {
    int fd;
    struct tcp_pcb *pcb;
    struct pbuf *answer; // for the client, who has not got it yet
    bool connected, client_ended, board_ended;
};

static struct netif lan;
static struct pipe pipes[MOST];
static ip_addr_t board;

static void deliver(struct pipe *pipe) {
    for (struct pbuf *q = pipe->answer; q; q = q->next) {
        send(pipe->fd, q->payload, q->len, MSG_NOSIGNAL); // a client that is gone is seen when it is read from
    }
    if (pipe->answer) {
        pbuf_free(pipe->answer);
        pipe->answer = NULL;
    }
}

static void drop_client(struct pipe *pipe, bool reset) {
    deliver(pipe);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (reset) {
        setsockopt(pipe->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(pipe->fd);
    *pipe = (struct pipe){.fd = -1};
}

static void finish(struct pipe *pipe) {
    tcp_arg(pipe->pcb, NULL);
    tcp_err(pipe->pcb, NULL);
    tcp_recv(pipe->pcb, NULL);
    tcp_close(pipe->pcb);
    drop_client(pipe, false);
}

static void board_reset(void *arg, err_t err) {
    (void)err;
    drop_client(arg, true);
}

static err_t from_board(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    struct pipe *pipe = arg;
    (void)err;
    if (!p) {
        deliver(pipe);
        pipe->board_ended = true;
        shutdown(pipe->fd, SHUT_WR);
        if (pipe->client_ended) {
            finish(pipe);
        }
        return ERR_OK;
    }
    tcp_recved(pcb, p->tot_len);
    tcp_ack_now(pcb);
    if (pipe->answer) {
        pbuf_cat(pipe->answer, p);
    } else {
        pipe->answer = p;
    }
    return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)pcb;
    (void)err;
    ((struct pipe *)arg)->connected = true;
    return ERR_OK;
}

static void from_client(struct pipe *pipe) {
    char piece[PIECE];
    ssize_t size = recv(pipe->fd, piece, sizeof piece, 0);
    if (size < 0) {
        tcp_abort(pipe->pcb); // which calls board_reset
    } else if (size > 0) {
        if (tcp_write(pipe->pcb, piece, size, TCP_WRITE_FLAG_COPY) != ERR_OK) {
            panic("the gateway has no memory");
        }
        tcp_output(pipe->pcb);
    } else if (pipe->board_ended) {
        finish(pipe);
    } else {
        pipe->client_ended = true;
        tcp_shutdown(pipe->pcb, 0, 1);
    }
}

static void take(int listener) {
    int fd = accept(listener, NULL, NULL);
    for (struct pipe *pipe = pipes; pipe < pipes + MOST; pipe++) {
        if (pipe->fd < 0) {
            *pipe = (struct pipe){.fd = fd, .pcb = tcp_new()};
            tcp_arg(pipe->pcb, pipe);
            tcp_err(pipe->pcb, board_reset);
            tcp_recv(pipe->pcb, from_board);
            tcp_nagle_disable(pipe->pcb);
            tcp_connect(pipe->pcb, &board, 443, connected);
            return;
        }
    }
    panic("more than %d connections", MOST);
}

static bool wants_reading(const struct pipe *pipe) {
    return pipe->fd >= 0 && pipe->connected && !pipe->client_ended && tcp_sndbuf(pipe->pcb) >= PIECE &&
           tcp_sndqueuelen(pipe->pcb) < TCP_SND_QUEUELEN / 2;
}

static void serve(int listener) {
    struct pollfd ready[MOST + 2] = {{.fd = WIRE, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    for (int i = 0; i < MOST; i++) {
        ready[i + 2] = (struct pollfd){.fd = wants_reading(&pipes[i]) ? pipes[i].fd : -1, .events = POLLIN};
    }
    poll(ready, MOST + 2, 10);
    for (int i = 0; i < MOST; i++) {
        if (ready[i + 2].revents) {
            from_client(&pipes[i]);
        }
    }
    if (ready[1].revents) {
        take(listener);
    }
    wire_run(&lan);
    for (int i = 0; i < MOST; i++) {
        deliver(&pipes[i]);
    }
}

static void found(const char *name, const ip_addr_t *address, void *arg) {
    (void)name;
    if (address) {
        board = *address;
    }
    *(bool *)arg = false;
}

// The board may still be busy with making sure that its name is free (RFC 6762 section 8.1): ask until it answers.
static void find(const char *name) {
    bool asking = false;
    u32_t began = sys_now();
    while (ip_addr_isany(&board)) {
        if (!asking) {
            asking = dns_gethostbyname(name, &board, found, &asking) == ERR_INPROGRESS;
        }
        struct pollfd wire = {.fd = WIRE, .events = POLLIN};
        poll(&wire, 1, 10);
        wire_run(&lan);
        if (sys_now() - began > PATIENCE_MS) {
            panic("nobody is %s here", name);
        }
    }
}

static int open_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, size) || listen(listener, MOST) || getsockname(listener, (void *)&address, &size)) {
        panic("no port: %s", strerror(errno));
    }
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        panic("usage: gateway NAME|ADDRESS");
    }
    for (int i = 0; i < MOST; i++) {
        pipes[i].fd = -1;
    }
    lwip_init();
    wire_start(&lan, 1);
    find(argv[1]);
    for (int listener = open_port();;) {
        serve(listener);
    }
}
