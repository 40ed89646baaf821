package rig

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// dovecotConfig is the least that asks clients for certificates. The third file has
// the root and the list.
const dovecotConfig = `base_dir = %[1]s/run
state_dir = %[1]s
mail_location = maildir:%[1]s/mail
log_path = /dev/stderr
protocols = imap
%[2]s
ssl = required
ssl_cert = <%[5]s/cert.pem
ssl_key = <%[5]s/key.pem
ssl_ca = <%[5]s/picoca-root-crl.pem
ssl_verify_client_cert = yes
auth_ssl_require_client_cert = yes
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = %[4]s
  }
}
service anvil {
  chroot =
}
passdb {
  driver = static
  args = password=x
}
userdb {
  driver = static
  args = uid=%[3]s gid=%[6]s home=%[1]s/mail
}
`

// DovecotConfig writes a configuration of Dovecot, which serves IMAP at a port of
// 127.0.0.1 and asks for identities, and returns its path. The folder files has
// what picoca wrote for it.
func DovecotConfig(t testing.TB, port, files string) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	users := "default_internal_user = " + me.Username + "\ndefault_internal_group = " + group.Name + "\ndefault_login_user = " + me.Username
	mail, mailGroup := me.Username, group.Name
	if me.Uid == "0" { // its login process refuses to run as root
		users, mail, mailGroup = "", "nobody", "nogroup"
	}
	name := filepath.Join(t.TempDir(), "dovecot.conf")
	WriteFile(t, name, fmt.Sprintf(dovecotConfig, mailDir(t), users, mail, port, files, mailGroup))
	return name
}

// mailDir returns a new folder that other users can enter, with one for mail.
func mailDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "picoca-dovecot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	mail := filepath.Join(dir, "mail")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(mail, 0o777), os.Chmod(mail, 0o777)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// radiusConfig is the least that does EAP-TLS.
const radiusConfig = `prefix = /usr
libdir = /usr/lib/freeradius
logdir = %[1]s
run_dir = %[1]s
pidfile = %[1]s/pid
modules {
	eap {
		default_eap_type = tls
		tls-config common {
			certificate_file = %[2]s/cert.pem
			private_key_file = %[2]s/key.pem
			%[4]s
			tls_min_version = "1.2"
		}
		tls {
			tls = common
		}
	}
}
client localhost {
	ipaddr = 127.0.0.1
	secret = testing123
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %[3]s
	}
	authorize {
		eap
	}
	authenticate {
		eap
	}
}
`

// RADIUSConfig writes radiusd.conf of FreeRADIUS, which listens at a port of
// 127.0.0.1, into dir. The folder files has its certificate and key; lines are
// those of tls-config beside them.
func RADIUSConfig(t testing.TB, dir, port, files string, lines ...string) {
	t.Helper()
	WriteFile(t, filepath.Join(dir, "radiusd.conf"), fmt.Sprintf(radiusConfig, dir, files, port, strings.Join(lines, "\n\t\t\t")))
}
