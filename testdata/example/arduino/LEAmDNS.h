// Stand-in for the Arduino-Pico core's mDNS.
#pragma once

class MDNSResponder {
public:
  bool begin(const char *host);
  bool update();
};
extern MDNSResponder MDNS;
