// A stand-in for the ESP32 core's TLS around Debian's mbedTLS: it parses texts with their final NUL, and verifies the server if
// there is a root (libraries/NetworkClientSecure/src/ssl_client.cpp).
#pragma once
#include "Arduino.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

class NetworkClientSecure : public Client {
public:
  void setCACert(const char *pem) { root_pem = pem; }
  void setCertificate(const char *pem) { own_pem = pem; }
  void setPrivateKey(const char *pem) { key_pem = pem; }

  bool connect(const char *host, uint16_t) {
    release();
    if (!(error = begin(host))) {
      net.fd = open_connection();
      mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, nullptr);
      error = net.fd < 0 ? 0 : mbedtls_ssl_handshake(&ssl);
    }
    return !error && net.fd >= 0;
  }

  size_t write(const uint8_t *data, size_t size) override { return mbedtls_ssl_write(&ssl, data, size) == (int)size ? size : 0; }
  size_t readBytes(uint8_t *data, size_t size) override {
    size_t count = 0;
    for (int got; count < size && (got = mbedtls_ssl_read(&ssl, data + count, size - count)) > 0;) {
      count += got;
    }
    return count;
  }
  int lastError(char *text, size_t size) {
    mbedtls_strerror(error, text, size);
    return error;
  }
  void stop() { mbedtls_net_free(&net); }

private:
  const char *root_pem = nullptr, *own_pem = nullptr, *key_pem = nullptr;
  int error = 0;
  bool ready = false;
  mbedtls_net_context net = {-1};
  mbedtls_ssl_context ssl;
  mbedtls_ssl_config config;
  mbedtls_x509_crt root, own;
  mbedtls_pk_context key;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;

  static size_t whole(const char *text) { return strlen(text) + 1; }
  static const uint8_t *bytes(const char *text) { return reinterpret_cast<const uint8_t *>(text); }

  int begin(const char *host) {
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&root);
    mbedtls_x509_crt_init(&own);
    mbedtls_pk_init(&key);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    ready = true;
    int failed = mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, nullptr, 0);
    failed = failed ? failed : mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    failed = failed ? failed : mbedtls_x509_crt_parse(&root, bytes(root_pem), whole(root_pem));
    failed = failed ? failed : mbedtls_x509_crt_parse(&own, bytes(own_pem), whole(own_pem));
    failed = failed ? failed : mbedtls_pk_parse_key(&key, bytes(key_pem), whole(key_pem), nullptr, 0);
    if (failed) {
      return failed;
    }
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config, &root, nullptr);
    mbedtls_ssl_conf_own_cert(&config, &own, &key);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    failed = mbedtls_ssl_setup(&ssl, &config);
    return failed ? failed : mbedtls_ssl_set_hostname(&ssl, host);
  }

  void release() {
    if (!ready) {
      return;
    }
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&root);
    mbedtls_x509_crt_free(&own);
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&random);
    mbedtls_entropy_free(&entropy);
  }
};
