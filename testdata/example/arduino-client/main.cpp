// What the core does around a sketch.
void setup();
void loop();

int main() {
  setup();
  for (;;) {
    loop();
  }
}
