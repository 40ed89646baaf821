package pki

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
)

func TestPublisherIsWrittenForItsBroker(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto")}, start)
	sensor := identity(t, "Garden sensor")
	sensor.For = target(t, "pico-w")
	a.mustIssue(sensor, start)
	a.use(func(c *CA) {
		p, err := c.PlanProject(ProjectRequest{Name: "Garden sensor", Broker: "BROKER.local", Out: "project"})
		if err != nil {
			t.Fatal(err)
		}
		if p.Broker != "broker.local" || p.Target().String() != "pico-w/micropython" || p.Reach() != example.ReachLocal {
			t.Errorf("got broker %q, target %q, reach %q", p.Broker, p.Target(), p.Reach())
		}
		if _, err := p.Write(t.Context(), nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
	})
	before, err := os.ReadFile(filepath.Join("project", "cert.der"))
	if err != nil {
		t.Fatal(err)
	}
	renewal := sensor
	renewal.Renew = true
	a.mustIssue(renewal, start.Add(day))
	after, err := os.ReadFile(filepath.Join("project", "cert.der"))
	if err != nil || string(before) == string(after) {
		t.Errorf("a renewal left the project's certificate as it was, %v", err)
	}
}

func TestPublisherRefuses(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "192.168.1.10"), For: target(t, "mosquitto")}, start)
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto")}, start)
	a.mustIssue(identity(t, "tablet"), start)
	arduino, circuitpython := target(t, "pico-w/arduino"), target(t, "pico-w/circuitpython")
	a.use(func(c *CA) {
		for _, row := range []struct {
			name string
			req  ProjectRequest
			is   func(error) bool
		}{
			{"an unknown broker", ProjectRequest{Name: "tablet", Broker: "mqtt.local"}, is[*NotIssuedError]},
			{"a broker with a port", ProjectRequest{Name: "tablet", Broker: "mqtt.local:8883"}, is[*ca.NameError]},
			{"an unknown identity", ProjectRequest{Name: "phone", Broker: "broker.local"}, is[*NotIssuedError]},
			{"a device as the identity", ProjectRequest{Name: "broker.local", Broker: "broker.local"}, is[*WrongKindError]},
			{"an identity as the broker", ProjectRequest{Name: "tablet", Broker: "tablet"}, is[*WrongKindError]},
			{"an identity that serves", ProjectRequest{Name: "tablet"}, is[*WrongKindError]},
			{"an address that the board does not compare", ProjectRequest{Name: "tablet", Broker: "192.168.1.10", For: arduino}, is[*AddressError]},
			{"a firmware without the example", ProjectRequest{Name: "tablet", Broker: "broker.local", For: circuitpython}, is[example.NoExampleError]},
		} {
			_, err := c.PlanProject(row.req)
			if !row.is(err) || fault.HintOf(err).IsZero() {
				t.Errorf("%s: got %v, hint %q", row.name, err, fault.HintOf(err).Text(nil))
			}
		}
		issued, err := c.Find("tablet")
		if err != nil {
			t.Fatal(err)
		}
		issued.Root.Certificate = issued.Leaf // another one
		p := &Project{ca: c, issued: issued, Name: "tablet", request: ProjectRequest{Broker: "broker.local"}}
		if err := p.findBroker(); !is[*OtherRootError](err) || fault.HintOf(err).IsZero() {
			t.Errorf("another root: got %v", err)
		}
		// No particular device: the usual one.
		if p, err := c.PlanProject(ProjectRequest{Name: "tablet", Broker: "broker.local"}); err != nil || p.Target().String() != "pico-w/micropython" {
			t.Errorf("an identity for any device: %v", err)
		}
	})
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestFitOfAnIdentityIsAClients(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "tablet"), start)
	a.use(func(c *CA) {
		f, err := c.FitDevice("tablet", target(t, "pico-w/micropython@1.28"))
		if err != nil || len(f.Rows) != 1 {
			t.Fatalf("got %d rows, %v", len(f.Rows), err)
		}
		if row := f.Rows[0]; row.HeapBytes[1] != 0 || row.ClientHeap[0] == 0 || row.ClientHeap[1] < row.ClientHeap[0] {
			t.Errorf("got %v of memory, %v as a client", row.HeapBytes, row.ClientHeap)
		}
		if _, err := c.FitDevice(TheCA, target(t, "pico-w")); !is[*WrongKindError](err) {
			t.Errorf("the CA: got %v", err)
		}
	})
}
