# @NAME@: publishes a reading to @BROKER@ over MQTT with TLS, from MicroPython 1.22 or later on a Pico W, Pico 2 W or ESP32.
# Write your Wi-Fi's name and password into secrets.py, and copy the .py and .der files of this folder to the board.
#
# Three things that go wrong most often:
# 1. Trust. MicroPython checks no server unless verify_mode is CERT_REQUIRED. Then the broker needs a certificate of your CA
#    with the name @BROKER@; the board shows it cert.der, and that is how the broker knows its name.
# 2. The clock. A Pico W starts at 2021-01-01, an ESP32 in 2000, and then every certificate "starts in the future". So this
#    program sets the clock from the network before it connects.
# 3. The connection. A handshake takes a Pico W seconds and about 30 KB of memory, so one connection stays open. Pings show
#    whether it still works. When it does not, the program begins again, and the broker has published "offline".

import gc
@esp@import esp32
@pico@import machine
import network
import ntptime
import ssl
import time

import mqtt
import secrets

BROKER = "@BROKER@"  # as it is in the broker's certificate
@local@ADDRESS = BROKER  # or the broker's address, such as "192.168.1.10", if the board does not find that name
@dns@ADDRESS = BROKER  # or the broker's address, such as "192.168.1.10", if the router does not know that name
@address@ADDRESS = BROKER
PORT = 8883
NAME = @QUOTED@  # of this board's identity
TOPIC = @TOPIC@  # the broker lets it write below this only
EVERY = 60  # seconds between two readings
KEEP_ALIVE = 30  # seconds; after one and a half times as long without a ping, the broker publishes "offline"

wifi = network.WLAN(network.STA_IF)


@pico@sensor = machine.ADC(4)  # in the chip itself
@pico@
@pico@
def reading():
@pico@    volts = sensor.read_u16() * 3.3 / 65535
@pico@    return "%.1f" % (27 - (volts - 0.706) / 0.001721)  # degrees Celsius, by the RP2040's datasheet
@esp@    if hasattr(esp32, "mcu_temperature"):  # of the chip, in degrees Celsius: C3, S2, S3 and later
@esp@        return "%.1f" % esp32.mcu_temperature()
@esp@    return "%.1f" % ((esp32.raw_temperature() - 32) / 1.8)


def connect_wifi():
    wifi.active(True)
    while not wifi.isconnected():
        try:
            wifi.disconnect()  # an ESP32 that is still trying says "Wifi Internal Error" to the next connect
            time.sleep(1)
            wifi.connect(secrets.WIFI_SSID, secrets.WIFI_PASSWORD)
        except OSError as error:
            print("no Wi-Fi:", error)
        for _ in range(15):
            if not wifi.isconnected():
                time.sleep(1)


def set_clock():
    # It needs the internet, or a time server of your own in ntptime.host.
    while time.gmtime()[0] < 2026:
        try:
            ntptime.settime()
        except OSError as error:
            print("no time from", ntptime.host, error)
            time.sleep(2)


def load_identity():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain("@CERT@", "@KEY@")
    context.load_verify_locations(cafile="@CA@")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def run(context):
    """Publishes until the connection ends, which is an exception."""
    client = mqtt.Client(context, BROKER, ADDRESS, PORT, NAME, KEEP_ALIVE, TOPIC + "/status", "offline")
    try:
        client.publish(TOPIC + "/status", "online", retain=True)
        print("connected to", BROKER)
        while True:
            value = reading()
            client.publish(TOPIC + "/temperature", value)
            print("published", value)
            for _ in range(EVERY * 2 // KEEP_ALIVE):
                time.sleep(KEEP_ALIVE // 2)
                client.ping()
    finally:
        client.close()


context = load_identity()
while True:
    try:
        connect_wifi()
        set_clock()
        run(context)
    except (OSError, ValueError, MemoryError) as error:  # ValueError: TLS does not accept the broker's certificate
        print("ended:", error)
    gc.collect()  # so that the next connection finds its memory in one piece
    time.sleep(10)
