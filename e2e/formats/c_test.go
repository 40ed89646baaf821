package formats

import (
	"bytes"
	"os"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// dumpArrays writes the arrays of the header, one a file.
const dumpArrays = `#include <stdio.h>
#include "picoca_cert.h"
#include "picoca_cert.h"

static int dump(const char *name, const unsigned char *data, unsigned int len) {
    FILE *f = fopen(name, "wb");
    return f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0;
}

int main(void) {
    if (sizeof picoca_cert_der != picoca_cert_der_len || sizeof picoca_key_der != picoca_key_der_len) return 2;
    return dump("cert", picoca_cert_der, picoca_cert_der_len) || dump("key", picoca_key_der, picoca_key_der_len) ||
        dump("root", picoca_root_der, picoca_root_der_len);
}
`

// TestCHeaderIsTheDER: it compiles in C and C++ without a warning, and what the
// program then has are the bytes of the DER files.
func TestCHeaderIsTheDER(t *testing.T) {
	h := newDoor(t)
	h.Run("export", "ca", "--format", "der", "--out", "root.der")
	h.Run("issue", "3d-printer.local", "--key", "rsa-2048", "--for", "computer")
	for i, name := range []string{"pico.local", "3d-printer.local", clientName("legacy-des")} {
		dir := h.Path("c", string(rune('a'+i)))
		if err := os.MkdirAll(h.Path("c"), 0o755); err != nil {
			t.Fatal(err)
		}
		h.Run("export", name, "--format", "c-header", "--out", dir)
		h.Run("export", name, "--format", "der", "--out", dir+"-der")
		for source, compiler := range map[string][]string{
			"main.c":   {"gcc", "gcc", "-std=c99"},
			"main.cpp": {"g++", "g++", "-std=c++11"},
		} {
			if err := os.WriteFile(dir+"/"+source, []byte(dumpArrays), 0o644); err != nil {
				t.Fatal(err)
			}
			args := append(compiler[2:], "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", dir+"/dump", dir+"/"+source)
			if out, err := rig.Outside(t, compiler[1], compiler[0], args...); err != nil {
				t.Fatalf("%s: %v\n%s", source, err, out)
			}
			// The program writes to the folder that it is started in.
			if out, err := rig.Outside(t, "dash", "sh", "-c", "cd '"+dir+"' && ./dump"); err != nil {
				t.Fatalf("%s: %v\n%s", source, err, out)
			}
			for array, der := range map[string]string{"cert": dir + "-der/cert.der", "key": dir + "-der/key.der", "root": h.Path("root.der")} {
				if !bytes.Equal(rig.ReadFile(t, dir, array), rig.ReadFile(t, der)) {
					t.Errorf("%s of %s: array of the %s is not the DER file", source, name, array)
				}
			}
		}
	}
}
