// Stand-ins for the cores' Wi-Fi, and for BearSSL in the Arduino-Pico core around the real library: one trust anchor, the full
// profile of a client, the server's name as a text, and the clock (libraries/WiFi/src/WiFiClientSecureBearSSL.cpp).
#pragma once
#include "Arduino.h"

#define WL_CONNECTED 3

struct WiFiClass {
  int begin(const char *, const char *) { return WL_CONNECTED; }
  int status() { return WL_CONNECTED; }
};
inline WiFiClass WiFi;

#ifdef ARDUINO_PICO
#include <bearssl.h>

namespace BearSSL {

class X509List {
public:
  X509List(const uint8_t *der, size_t size) {
    br_x509_decoder_context decoder;
    br_x509_decoder_init(&decoder, add, this);
    br_x509_decoder_push(&decoder, der, size);
    br_x509_pkey *decoded = br_x509_decoder_get_pkey(&decoder);
    if (!decoded) {
      Serial.printf("certificate: error %d\n", br_x509_decoder_last_error(&decoder));
      exit(1);
    }
    copy(*decoded);
    anchor.dn = {name, name_size};
    anchor.flags = br_x509_decoder_isCA(&decoder) ? BR_X509_TA_CA : 0;
    chain = {const_cast<uint8_t *>(der), size};
  }
  br_x509_trust_anchor anchor = {};
  br_x509_certificate chain = {};

private:
  unsigned char name[1024], point[1024], exponent[16];
  size_t name_size = 0;

  static void add(void *self, const void *data, size_t size) {
    X509List *list = static_cast<X509List *>(self);
    memcpy(list->name + list->name_size, data, size);
    list->name_size += size;
  }

  // The decoder's buffers end with it.
  void copy(const br_x509_pkey &decoded) {
    anchor.pkey = decoded;
    if (decoded.key_type == BR_KEYTYPE_EC) {
      anchor.pkey.key.ec.q = static_cast<unsigned char *>(memcpy(point, decoded.key.ec.q, decoded.key.ec.qlen));
    } else {
      anchor.pkey.key.rsa.n = static_cast<unsigned char *>(memcpy(point, decoded.key.rsa.n, decoded.key.rsa.nlen));
      anchor.pkey.key.rsa.e = static_cast<unsigned char *>(memcpy(exponent, decoded.key.rsa.e, decoded.key.rsa.elen));
    }
  }
};

class PrivateKey {
public:
  PrivateKey(const uint8_t *der, size_t size) {
    br_skey_decoder_init(&decoder);
    br_skey_decoder_push(&decoder, der, size);
    if (int error = br_skey_decoder_last_error(&decoder)) {
      Serial.printf("key: error %d\n", error);
      exit(1);
    }
  }
  bool isRSA() const { return br_skey_decoder_key_type(&decoder) == BR_KEYTYPE_RSA; }
  br_skey_decoder_context decoder;
};

class WiFiClientSecure : public Client {
public:
  void setTrustAnchors(const X509List *list) { root = list; }
  void setClientRSACert(const X509List *list, const PrivateKey *secret) { own = list, key = secret; }
  void setClientECCert(const X509List *list, const PrivateKey *secret, unsigned allowed, unsigned type) {
    own = list, key = secret, usages = allowed, issuer = type;
  }

  bool connect(const char *host, uint16_t) {
    br_ssl_client_init_full(&client, &x509, &root->anchor, 1);
    long long now = board_time();
    br_x509_minimal_set_time(&x509, now / 86400 + 719528, now % 86400); // days since the year 0
    br_ssl_engine_set_buffer(&client.eng, buffer, sizeof buffer, 1);
    if (own && key->isRSA()) {
      br_ssl_client_set_single_rsa(&client, &own->chain, 1, br_skey_decoder_get_rsa(&key->decoder), br_rsa_pkcs1_sign_get_default());
    } else if (own) {
      br_ssl_client_set_single_ec(&client, &own->chain, 1, br_skey_decoder_get_ec(&key->decoder), usages, issuer,
                                  br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
    }
    br_ssl_client_reset(&client, host, 0);
    if ((fd = open_connection()) < 0) {
      return false;
    }
    br_sslio_init(&io, &client.eng, receive, &fd, send, &fd);
    return br_sslio_flush(&io) == 0; // with the handshake
  }

  size_t write(const uint8_t *data, size_t size) override {
    return br_sslio_write_all(&io, data, size) || br_sslio_flush(&io) ? 0 : size;
  }
  size_t readBytes(uint8_t *data, size_t size) override { return br_sslio_read_all(&io, data, size) ? 0 : size; }
  int getLastSSLError(char *, size_t) { return br_ssl_engine_last_error(&client.eng); }
  void stop() {
    if (fd >= 0) {
      close(fd);
    }
    fd = -1;
  }

private:
  const X509List *root = nullptr, *own = nullptr;
  const PrivateKey *key = nullptr;
  unsigned usages = 0, issuer = 0;
  int fd = -1;
  br_ssl_client_context client;
  br_x509_minimal_context x509;
  br_sslio_context io;
  unsigned char buffer[BR_SSL_BUFSIZE_BIDI];

  static int receive(void *fd, unsigned char *data, size_t size) {
    ssize_t got = ::read(*static_cast<int *>(fd), data, size);
    return got > 0 ? got : -1;
  }
  static int send(void *fd, const unsigned char *data, size_t size) {
    ssize_t sent = ::send(*static_cast<int *>(fd), data, size, MSG_NOSIGNAL);
    return sent > 0 ? sent : -1;
  }
};

} // namespace BearSSL
#endif
