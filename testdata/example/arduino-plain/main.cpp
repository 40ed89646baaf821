// Has one client on port 80 answered, and prints for how many milliseconds the board did nothing else, and its answer.
#include "project.ino"

int main() {
  lookAfterOthers();
  printf("%lu %s", now, said.c_str());
}
