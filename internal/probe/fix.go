package probe

import (
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// push replaces what the server has by the newest certificate, which is issued
// first if need be.
func (v *visit) push() fault.Hint {
	if v.e.Holder == "" {
		return v.first()
	}
	if v.e.Newest == nil || v.r.IsNewest || !v.isGood() {
		return v.replace()
	}
	return fault.Run("push", v.e.Holder)
}

// replace makes a new certificate, and brings it to the device.
func (v *visit) replace() fault.Hint {
	if v.e.Holder == "" {
		return v.first()
	}
	return fault.Hintf("%s, then %s", v.renewal(), fault.Command{"push", v.e.Holder})
}

// first makes the first certificate of a server, unless no root may vouch for its
// name.
func (v *visit) first() fault.Hint {
	if err := v.outside(); err != nil {
		return fault.HintOf(err)
	}
	return fault.Run(v.renewal()...)
}

// outside explains why the CA cannot issue for the server's name.
func (v *visit) outside() error {
	names, err := ca.ParseNames([]string{v.r.Target.Name})
	if err != nil || len(v.e.Roots) == 0 {
		return err
	}
	return ca.ConstraintsOf(v.e.Roots[0].Certificate).Outside(names)
}

// renewal is the command that makes a new certificate. A revoked one is not
// renewed.
func (v *visit) renewal() fault.Command {
	switch {
	case v.e.Holder == "" && v.r.Target.For != "":
		return fault.Command{"issue", v.r.Target.Name, "--for", v.r.Target.For}
	case v.e.Holder == "":
		return fault.Command{"issue", v.r.Target.Name}
	case v.isRevoked():
		return fault.Command{"issue", v.e.Holder}
	}
	return fault.Command{"renew", v.e.Holder}
}

// isGood reports whether the newest certificate can be used for a while.
func (v *visit) isGood() bool {
	due := v.e.DueFrom != nil && !v.began.Before(v.e.DueFrom(v.e.Newest))
	return ca.ValidAt(v.e.Newest, v.began) && !due && !v.isRevoked()
}

func (v *visit) isRevoked() bool {
	if v.e.Newest == nil || v.e.Known == nil {
		return false
	}
	known, ok := v.e.Known(v.e.Newest)
	return ok && known.Revoked
}

// faster is what shortens a handshake.
func (v *visit) faster() fault.Hint {
	if v.e.Holder == "" {
		return fault.Hintf("check again: another client may have been served first; a P-256 key is the fastest")
	}
	return fault.Hintf("check again: another client may have been served first; %s shows what makes it faster", fault.Command{"fit", v.e.Holder})
}
