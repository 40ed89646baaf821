WIFI_SSID = "your network"
WIFI_PASSWORD = "its password"
