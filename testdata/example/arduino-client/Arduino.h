// Stand-ins for what a sketch that is a client needs of the Arduino cores. They run: a second of the sketch takes a
// hundredth, every host is this computer, and PORT is the port of every server.
#pragma once
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct SerialUSB {
  void begin(unsigned long) { setvbuf(stdout, nullptr, _IOLBF, 0); }
  void println(const char *text) { puts(text); }
  int printf(const char *format, ...) __attribute__((format(printf, 2, 3))) {
    va_list list;
    va_start(list, format);
    int count = vprintf(format, list);
    va_end(list);
    return count;
  }
};
inline SerialUSB Serial;

// What the sketch writes to and reads from.
class Client {
public:
  virtual ~Client() {}
  virtual size_t write(const uint8_t *, size_t) = 0;
  virtual size_t readBytes(uint8_t *, size_t) = 0;
  void setTimeout(unsigned long) {}
};

// The plain connection below TLS; -1 if there is none.
inline int open_connection() {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(atoi(getenv("PORT")));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address)) {
    close(fd);
    return -1;
  }
  return fd;
}

inline void delay(unsigned long milliseconds) { usleep(milliseconds * 10); }
inline float analogReadTemp() { return 27; }
inline float temperatureRead() { return 27; }

// The board's clock begins in 1970, and stays there if CLOCK is set to something.
inline bool clock_is_set = false;
inline void set_clock() { clock_is_set = !getenv("CLOCK"); }
inline long long board_time() { return clock_is_set ? time(nullptr) : 0; }

struct NTPClass {
  void begin(const char *) {}
  void waitSet() { set_clock(); }
};
inline NTPClass NTP;
inline void configTime(long, int, const char *) { set_clock(); }

void setup();
void loop();
