@pico@// @NAME@: publishes a reading to @BROKER@ over MQTT with TLS, from the Arduino-Pico core on a Pico W or Pico 2 W.
@pico@// Write your Wi-Fi's name and password into secrets.h, choose the board "Raspberry Pi Pico W", and upload.
@esp@// @NAME@: publishes a reading to @BROKER@ over MQTT with TLS, from the ESP32 core 3 or later.
@esp@// Write your Wi-Fi's name and password into secrets.h, choose your board, and upload.
//
// Three things that go wrong most often:
@pico@// 1. Trust. With setTrustAnchors the broker needs a certificate of your CA with the name @BROKER@. Connect by that name:
@pico@//    BearSSL checks no name at all if you connect by address.
@esp@// 1. Trust. With setCACert the broker needs a certificate of your CA with the name @BROKER@. The core reads text (PEM) only:
@esp@//    picoca_cert.h has it with its line ends.
@pico@// 2. The clock. The board wakes up in 1970, and then every certificate begins in its future (error 54). So this program sets
@pico@//    the clock from the network before it connects.
@esp@// 2. The clock. The board wakes up in 1970. The core's TLS does not look at dates, unless it was built to; this program sets
@esp@//    the clock all the same, for builds that do.
// 3. The connection. A handshake takes seconds, so one connection stays open. Pings show whether it still works. When it does
//    not, the program begins again, and the broker has published "offline".

@esp@#include <NetworkClientSecure.h>
#include <WiFi.h>
#include <time.h>

#include "mqtt.h"
#include "picoca_cert.h"
#include "secrets.h"

const char *const BROKER = "@BROKER@"; // as it is in the broker's certificate
@dns@// Your router's DNS must know that name.
@address@// Your router must always give the broker that address.
const uint16_t PORT = 8883;
const char *const NAME = @QUOTED@; // of this board's identity
// The broker lets it write below home/ and its name only.
const char *const STATUS = @TOPIC@ "/status";
const char *const TEMPERATURE = @TOPIC@ "/temperature";
const unsigned EVERY = 60;      // seconds between two readings
const unsigned KEEP_ALIVE = 30; // seconds; after one and a half times as long without a ping, the broker publishes "offline"

@pico@BearSSL::X509List root(picoca_root_der, picoca_root_der_len);
@pico@BearSSL::X509List certificate(picoca_cert_der, picoca_cert_der_len);
@pico@BearSSL::PrivateKey key(picoca_key_der, picoca_key_der_len);
@pico@BearSSL::WiFiClientSecure connection;
@esp@NetworkClientSecure connection;
Mqtt mqtt(connection);

@pico@float reading() { return analogReadTemp(); } // of the chip, in degrees Celsius
@esp@float reading() { return temperatureRead(); } // of the chip, in degrees Celsius

void setClock() {
@pico@  NTP.begin("pool.ntp.org"); // or a time server of your own
@pico@  NTP.waitSet();
@esp@  configTime(0, 0, "pool.ntp.org"); // or a time server of your own
  const time_t BEGIN = 1767225600; // 2026: before that the clock cannot be right
  while (time(nullptr) < BEGIN) {
    delay(200);
  }
}

void setup() {
  Serial.begin(115200);
@pico@  // begin tries once (the core's WiFiClass.cpp), and after a power cut the board is up before the Wi-Fi.
@pico@  while (WiFi.begin(WIFI_SSID, WIFI_PASSWORD) != WL_CONNECTED) {
@pico@    delay(200);
@pico@  }
@esp@  WiFi.begin(WIFI_SSID, WIFI_PASSWORD); // the core connects again by itself
@esp@  while (WiFi.status() != WL_CONNECTED) {
@esp@    delay(200);
@esp@  }
  setClock();
@pico@  connection.setTrustAnchors(&root);
@pico@  if (key.isRSA()) {
@pico@    connection.setClientRSACert(&certificate, &key);
@pico@  } else {
@pico@    connection.setClientECCert(&certificate, &key, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX, @ISSUER@);
@pico@  }
@esp@  connection.setCACert(picoca_root_pem);
@esp@  connection.setCertificate(picoca_cert_pem);
@esp@  connection.setPrivateKey(picoca_key_pem);
  connection.setTimeout(20000);
}

// Publishes until the connection ends.
void run() {
  if (!mqtt.begin(NAME, KEEP_ALIVE, STATUS, "offline") || !mqtt.publish(STATUS, "online", true)) {
    Serial.println("ended: the broker refuses");
    return;
  }
  Serial.printf("connected to %s\n", BROKER);
  char value[16];
  bool works = true;
  while (works) {
    snprintf(value, sizeof value, "%.1f", reading());
    works = mqtt.publish(TEMPERATURE, value);
    Serial.printf("published %s\n", value);
    for (unsigned i = 0; works && i < EVERY * 2 / KEEP_ALIVE; i++) {
      delay(KEEP_ALIVE * 500);
      works = mqtt.ping();
    }
  }
  Serial.println("ended: the broker does not answer");
}

void loop() {
  if (connection.connect(BROKER, PORT)) { // with the handshake
    run();
  } else {
    char why[80] = "";
@pico@    int error = connection.getLastSSLError(why, sizeof why); // 54: the clock, 56: the name, 62: another CA; 0: not found
@esp@    int error = connection.lastError(why, sizeof why); // -0x2700: the broker's certificate; 0: not found
    Serial.printf("ended: %d %s\n", error, why);
  }
  connection.stop();
  delay(10000);
}
