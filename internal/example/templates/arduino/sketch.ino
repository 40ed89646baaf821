// @NAME@: a web app over HTTPS, from the Arduino-Pico core on a Pico W or Pico 2 W.
// Write your Wi-Fi's name and password into secrets.h, choose the board "Raspberry Pi Pico W", and upload.
//
// Three things that go wrong most often:
// 1. Formats. BearSSL reads PEM and DER. picoca_cert.h has DER, the key as SEC1 or PKCS#1. With an EC key BearSSL also wants
//    to know what kind of key signed the certificate: here @ISSUER@.
// 2. The listening socket. A handshake happens when a connection is accepted, and takes the whole board meanwhile; so this
//    program serves one connection at a time, answers several requests on it, and lets the others wait.
// 3. The clock. The board wakes up in 1970. For serving HTTPS that does not matter: a browser goes by its own clock. Once the
//    board checks certificates of others, set it first, with NTP.begin and NTP.waitSet.

@local@#include <LEAmDNS.h>
#include <WiFi.h>

#include "page.h"
#include "picoca_cert.h"
#include "secrets.h"

const unsigned long KEEP = 60000;    // milliseconds that a connection may be idle when no one else waits
const unsigned long GIVE_WAY = 5000; // the same when someone does

BearSSL::WiFiServerSecure https(443);
WiFiServer http(80);
BearSSL::X509List certificate(picoca_cert_der, picoca_cert_der_len);
BearSSL::PrivateKey key(picoca_key_der, picoca_key_der_len);
BearSSL::ServerSessions sessions(4); // a device that comes again needs only half a handshake

// What a phone needs to trust your CA. It can be asked for over plain HTTP too.
const struct {
  const char *path, *kind, *body;
  unsigned size;
} TRUST[] = {
@trust@    {"@PATH@", "@TYPE@", (const char *)@SYMBOL@, @SYMBOL@_len},
};

void send(Print &client, const char *status, const char *kind, const char *body, size_t size) {
  client.printf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %u\r\nCache-Control: no-cache\r\n\r\n", status, kind, (unsigned)size);
  client.write((const uint8_t *)body, size);
}

// Sends what a phone needs to trust your CA, if that was asked for.
bool sendTrust(Print &client, const String &path) {
  for (auto &file : TRUST) {
    if (path == file.path) {
      send(client, "200 OK", file.kind, file.body, file.size);
      return true;
    }
  }
  return false;
}

// The first lines of a request, to the empty one; "" if they are long or take longer than a limit: meanwhile the board does
// nothing else. A stranger in your network could have it wait for good.
String readHead(Client &client, unsigned long limit) {
  String head;
  unsigned long began = millis();
  while (client.connected() && millis() - began < limit && head.length() < 4096) {
    if (!client.available()) {
      delay(1);
      continue;
    }
    head += (char)client.read();
    if (head.endsWith("\r\n\r\n")) {
      return head;
    }
  }
  return "";
}

// The path that a request's first line asks for.
String pathOf(const String &request) {
  String path = request.substring(4, request.indexOf(' ', 4));
  return path.indexOf('?') < 0 ? path : path.substring(0, path.indexOf('?'));
}

// Answers one request; false if the connection ends with it.
bool answer(BearSSL::WiFiClientSecure &client) {
  String head = readHead(client, GIVE_WAY);
  String request = head.substring(0, head.indexOf('\r'));
  head.toLowerCase();
  bool stays = request.endsWith("HTTP/1.1") && head.indexOf("\r\nconnection: close\r\n") < 0;
  if (!request.startsWith("GET ")) {
    send(client, "405 Method Not Allowed", "text/plain", "405\n", 4);
    return false;
  }
  String path = pathOf(request);
  // What can be asked for.
  if (path == "/") {
    send(client, "200 OK", "text/html", index_html, sizeof index_html - 1);
  } else if (path == "/app.webmanifest") {
    send(client, "200 OK", "application/manifest+json", app_webmanifest, sizeof app_webmanifest - 1);
  } else if (path == "/icon.png") {
    send(client, "200 OK", "image/png", (const char *)icon_png, icon_png_len);
  } else if (path == "/sw.js") {
    send(client, "200 OK", "text/javascript", sw_js, sizeof sw_js - 1);
  } else if (path == "/status") {
    String status = String("{\"seconds\": ") + millis() / 1000 + ", \"free\": " + rp2040.getFreeHeap() + "}";
    send(client, "200 OK", "application/json", status.c_str(), status.length());
  } else if (!sendTrust(client, path)) {
    send(client, "404 Not Found", "text/plain", "404\n", 4);
  }
  return stays;
}

@local@// Answers name questions, and plain HTTP: with what a phone needs to trust your CA, and for all else with where HTTPS is.
@dns@// Answers plain HTTP: with what a phone needs to trust your CA, and for all else with where HTTPS is.
@address@// Answers plain HTTP: with what a phone needs to trust your CA, and for all else with where HTTPS is.
void lookAfterOthers() {
@local@  MDNS.update();
  WiFiClient client = http.accept();
  if (client) {
    String request = readHead(client, 2000); // to its end: a connection that is closed with something unread loses the answer
    if (!request.startsWith("GET ") || !sendTrust(client, pathOf(request))) {
      client.print("HTTP/1.1 301 Moved Permanently\r\nLocation: https://@NAME@/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    client.stop();
  }
}

// Answers the requests of one connection, one after the other, until it ends.
void serve(BearSSL::WiFiClientSecure &client) {
  unsigned long last = millis();
  while (client.connected()) {
    if (client.available()) {
      if (!answer(client)) {
        return;
      }
      last = millis();
    }
    if (millis() - last > (https.hasClient() ? GIVE_WAY : KEEP)) {
      return;
    }
    lookAfterOthers();
    delay(5);
  }
}

void setup() {
  Serial.begin(115200);
@local@  WiFi.setHostname("@HOST@");
@dns@  WiFi.setHostname("@HOST@"); // the router learns it, and its DNS must answer for @NAME@
@address@  WiFi.setHostname("@HOST@"); // the router learns it, and must always give this board @NAME@
  // begin tries once (the core's WiFiClass.cpp), and after a power cut the board is up before the Wi-Fi.
  while (WiFi.begin(WIFI_SSID, WIFI_PASSWORD) != WL_CONNECTED) {
    delay(200);
  }
@local@  MDNS.begin("@HOST@"); // @HOST@.local
  if (key.isRSA()) {
    https.setRSACert(&certificate, &key);
  } else {
    https.setECCert(&certificate, @ISSUER@, &key);
  }
  https.setCache(&sessions);
  https.begin();
  http.begin();
  Serial.print("https://@NAME@/ at ");
  Serial.println(WiFi.localIP());
}

void loop() {
  lookAfterOthers();
  BearSSL::WiFiClientSecure client = https.accept(); // with the handshake
  if (client) {
    serve(client);
    client.stop();
  }
}
