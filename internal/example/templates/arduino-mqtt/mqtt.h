// What a program needs of MQTT 3.1.1 to publish: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
#pragma once
#include <string.h>

// One connection to a broker, over a connection of TLS. What goes wrong returns false: stop the connection then.
class Mqtt {
public:
  explicit Mqtt(Client &connection) : connection(connection) {}

  // A new session, with a will that the broker keeps for those who come later (section 3.1).
  bool begin(const char *name, uint16_t keepAlive, const char *willTopic, const char *will) {
    start(0x10);
    text("MQTT");
    byte(4);
    byte(0x26);
    number(keepAlive);
    text(name);
    text(willTopic);
    text(will);
    const uint8_t accepted[] = {0x20, 2, 0, 0};
    return send() && answer(accepted, sizeof accepted);
  }

  // Returns true when the broker has the message.
  bool publish(const char *topic, const char *message, bool retain = false) {
    last = last == 0xFFFF ? 1 : last + 1;
    start(retain ? 0x33 : 0x32);
    text(topic);
    number(last);
    bytes(message, strlen(message));
    const uint8_t received[] = {0x40, 2, (uint8_t)(last >> 8), (uint8_t)last};
    return send() && answer(received, sizeof received);
  }

  // Must come more often than every keepAlive seconds, if nothing else does.
  bool ping() {
    start(0xC0);
    const uint8_t received[] = {0xD0, 0};
    return send() && answer(received, sizeof received);
  }

private:
  Client &connection;
  uint16_t last = 0;
  // Room for the first byte and a length of two, then the packet.
  uint8_t packet[3 + 512];
  size_t size = 0;
  bool fits = true;

  void start(uint8_t kind) {
    packet[0] = kind;
    size = 3;
    fits = true;
  }

  void bytes(const void *data, size_t count) {
    fits = fits && count <= sizeof packet - size;
    if (fits) {
      memcpy(packet + size, data, count);
      size += count;
    }
  }

  void byte(uint8_t value) { bytes(&value, 1); }

  void number(uint16_t value) {
    byte(value >> 8);
    byte(value & 0xFF);
  }

  void text(const char *words) {
    number(strlen(words));
    bytes(words, strlen(words));
  }

  // Writes the length before the packet: 7 bits in each byte (section 2.2.3).
  bool send() {
    size_t rest = size - 3, begin = rest > 0x7F ? 0 : 1;
    packet[begin] = packet[0];
    packet[2] = rest > 0x7F ? rest >> 7 : rest;
    if (rest > 0x7F) {
      packet[1] = (rest & 0x7F) | 0x80;
    }
    return fits && connection.write(packet + begin, size - begin) == size - begin;
  }

  bool answer(const uint8_t *want, size_t count) {
    uint8_t got[4] = {0};
    return connection.readBytes(got, count) == count && !memcmp(got, want, count);
  }
};
