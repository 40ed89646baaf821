// Stand-ins for what the sketch that serves needs of the Arduino core, as far as port 80 is concerned. They run: the clock is
// the sketch's own waiting, and a client sends TEXT, then a byte every EVERY milliseconds until END.
#pragma once
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <algorithm>
#include <string>

inline unsigned long now = 0;
inline std::string said; // by the sketch to clients
inline unsigned long millis() { return now; }
inline void delay(unsigned long milliseconds) { now += milliseconds; }

struct String : std::string {
  String(const char *text = "") : std::string(text) {}
  String(const std::string &text) : std::string(text) {}
  bool endsWith(const String &end) const { return size() >= end.size() && !compare(size() - end.size(), end.size(), end); }
  bool startsWith(const String &start) const { return !compare(0, start.size(), start); }
  void toLowerCase() { std::transform(begin(), end(), begin(), tolower); }
  int indexOf(char c, unsigned from = 0) const { return int(find(c, from)); }
  int indexOf(const String &text) const { return int(find(text)); }
  String substring(unsigned from, unsigned to) const { return from > size() ? "" : substr(from, to - from); }
};
inline String operator+(const String &a, unsigned long b) { return String(a + std::to_string(b)); }

struct IPAddress {};

struct Print {
  virtual ~Print() {}
  size_t write(const uint8_t *data, size_t size) {
    said.append((const char *)data, size);
    return size;
  }
  size_t print(const char *text) { return write((const uint8_t *)text, strlen(text)); }
  int printf(const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return write((const uint8_t *)text, size);
  }
};

struct SerialUSB {
  void begin(unsigned long) {}
  void print(const char *) {}
  void println(const IPAddress &) {}
};
inline SerialUSB Serial;

struct Client : Print {
  std::string text = getenv("TEXT");
  unsigned long every = atol(getenv("EVERY")), end = atol(getenv("END")), last = 0;
  size_t given = 0;
  operator bool() { return true; }
  uint8_t connected() { return now < end; }
  int available() { return given < text.size() || now - last >= every; }
  int read() {
    if (given < text.size()) {
      return text[given++];
    }
    last = now;
    now += every ? 0 : 1; // a byte takes a while
    return 'x';
  }
  void stop() {}
};

struct RP2040 {
  int getFreeHeap() { return 0; }
};
inline RP2040 rp2040;
