// Package clients runs what boards, and libraries that programs are built with,
// do as TLS clients, with the files that picoca writes for them: above all at a
// real MQTT broker that asks for identities.
package clients

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
