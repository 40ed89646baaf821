// Stand-ins for the Arduino core, as far as the example uses it: enough for a compiler, not for a linker.
#pragma once
#include <stddef.h>
#include <stdint.h>

class String {
public:
  String(const char *text = "");
  bool endsWith(const String &) const;
  bool startsWith(const String &) const;
  void toLowerCase();
  unsigned length() const;
  int indexOf(char, unsigned from = 0) const;
  int indexOf(const String &) const;
  String &operator+=(char);
  String substring(unsigned from) const;
  String substring(unsigned from, unsigned to) const;
  const char *c_str() const;
  bool operator==(const char *) const;
};
String operator+(const String &, const char *);
String operator+(const String &, unsigned long);
String operator+(const String &, int);

class IPAddress {};

class Print {
public:
  size_t print(const char *);
  size_t println(const IPAddress &);
  size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
  virtual size_t write(const uint8_t *, size_t) = 0;
};

class Stream : public Print {
public:
  virtual int available() = 0;
};

class Client : public Stream {
public:
  virtual int read() = 0;
  virtual uint8_t connected() = 0;
};

class SerialUSB : public Stream {
public:
  void begin(unsigned long);
  size_t write(const uint8_t *, size_t) override;
  int available() override;
};
extern SerialUSB Serial;

class RP2040 {
public:
  int getFreeHeap();
};
extern RP2040 rp2040;

unsigned long millis();
void delay(unsigned long);
