// Stand-ins for the Arduino-Pico core's Wi-Fi and BearSSL.
#pragma once
#include "Arduino.h"

#define WL_CONNECTED 3
#define BR_KEYTYPE_RSA 1
#define BR_KEYTYPE_EC 2

class WiFiClass {
public:
  void setHostname(const char *);
  int begin(const char *ssid, const char *password);
  IPAddress localIP();
};
extern WiFiClass WiFi;

class WiFiClient : public Client {
public:
  operator bool();
  uint8_t connected() override;
  int read() override;
  void stop();
  int available() override;
  size_t write(const uint8_t *, size_t) override;
};

class WiFiServer {
public:
  explicit WiFiServer(uint16_t port);
  void begin();
  bool hasClient();
  WiFiClient accept();
};

namespace BearSSL {
class X509List {
public:
  X509List(const uint8_t *der, size_t size);
};
class PrivateKey {
public:
  PrivateKey(const uint8_t *der, size_t size);
  bool isRSA() const;
};
class ServerSessions {
public:
  explicit ServerSessions(uint32_t count);
};
class WiFiClientSecure : public WiFiClient {};
class WiFiServerSecure : public WiFiServer {
public:
  explicit WiFiServerSecure(uint16_t port);
  void setCache(ServerSessions *);
  void setRSACert(const X509List *, const PrivateKey *);
  void setECCert(const X509List *, unsigned issuerKeyType, const PrivateKey *);
  WiFiClientSecure accept();
};
}
