# A stand-in for the chip's own temperature sensor, in degrees Fahrenheit.


def raw_temperature():
    return 80.6
