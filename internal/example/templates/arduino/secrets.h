#define WIFI_SSID "your network"
#define WIFI_PASSWORD "its password"
