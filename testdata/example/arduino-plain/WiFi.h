// Stand-ins for the Arduino-Pico core's Wi-Fi and BearSSL: no one connects to port 443.
#pragma once
#include "Arduino.h"

#define WL_CONNECTED 3
#define BR_KEYTYPE_RSA 1
#define BR_KEYTYPE_EC 2

struct WiFiClass {
  void setHostname(const char *) {}
  int begin(const char *, const char *) { return WL_CONNECTED; }
  IPAddress localIP() { return {}; }
};
inline WiFiClass WiFi;

struct WiFiClient : Client {};

struct WiFiServer {
  explicit WiFiServer(uint16_t) {}
  void begin() {}
  bool hasClient() { return false; }
  WiFiClient accept() { return {}; }
};

namespace BearSSL {
struct X509List {
  X509List(const uint8_t *, size_t) {}
};
struct PrivateKey {
  PrivateKey(const uint8_t *, size_t) {}
  bool isRSA() const { return false; }
};
struct ServerSessions {
  explicit ServerSessions(uint32_t) {}
};
struct WiFiClientSecure : WiFiClient {};
struct WiFiServerSecure : WiFiServer {
  using WiFiServer::WiFiServer;
  void setCache(ServerSessions *) {}
  void setRSACert(const X509List *, const PrivateKey *) {}
  void setECCert(const X509List *, unsigned, const PrivateKey *) {}
  WiFiClientSecure accept() { return {}; }
};
}
