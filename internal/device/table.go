// Code generated from devices/*.json by go generate; DO NOT EDIT.

package device

var table = []Device{
	{ID: "adguard-home", Name: "AdGuard Home", Group: "network", Firmware: []Firmware{
		{ID: "adguard-home", Name: "AdGuard Home", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
		}, Steps: []Step{
			{Do: "in Settings > Encryption: paste both files, or give their paths; then save"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"AdGuardHome, internal/home/tls.go"}},
	}},
	{ID: "android", Name: "Android", Group: "client", Default: []string{"apps"}, Firmware: []Firmware{
		{ID: "apps", Name: "Android's apps", Uses: []Use{"client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf"}, Profile: "legacy-des"}, For: []Use{"client"}},
			{Content: Content{Name: "picoca-root.crt", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "Settings > Security & privacy > More > Encryption & credentials > Install a certificate > CA certificate: picoca-root.crt"},
			{Do: "in the same menu, install {stem}.p12 with its passphrase as a user certificate", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Android 11 to 13 refuse a .p12 with AES as a wrong password.", "Chrome, and Firefox from 120 on, trust CAs that users install; other apps only if they ask for it."}, Sources: []string{"CertInstaller of AOSP", "reports of users"}},
		{ID: "wifi", Name: "Android's Wi-Fi", Uses: []Use{"client"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf", "ca"}, Profile: "legacy-des"}},
		}, Steps: []Step{
			{Do: "Settings > Security & privacy > More > Encryption & credentials > Install a certificate > Wi-Fi certificate: {stem}.p12 with its passphrase"},
			{Do: "in the Wi-Fi network: EAP method TLS, this certificate as CA and as user certificate, and the RADIUS server's name as domain"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"The .p12 contains the root, since Android takes the CA for Wi-Fi from there: compare its fingerprint first."}, Tested: "the .p12 with wpa_supplicant's eapol_test; not on a phone", Sources: []string{"CertInstaller of AOSP"}},
	}},
	{ID: "axis-camera", Name: "Axis camera", Group: "camera", Firmware: []Firmware{
		{ID: "axis-camera", Name: "Axis camera", Uses: []Use{"server"}, Keys: []string{"rsa-2048", "p256"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096", "p384"}, Files: []File{
			{Content: Content{Name: "cert.txt", Container: "pem-line", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.txt", Container: "pem-line", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"issuer"}}, For: []Use{"server"}},
		}, Steps: []Step{
			{Do: "with VAPIX cert.v1: the contents of cert.txt and key.txt as strings of the JSON request; picoca-root.pem as a CA certificate"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Which key types it takes was not found documented; rsa-2048 is the safest."}, Sources: []string{"developer.axis.com, VAPIX certificate management"}},
	}},
	{ID: "browser", Name: "a browser on a computer", Group: "client", Firmware: []Firmware{
		{ID: "browser", Name: "a browser on a computer", Uses: []Use{"client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf"}, Profile: "modern2023"}, For: []Use{"client"}},
			{Content: Content{Name: "picoca-root.crt", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "in the browser's settings for certificates, import {stem}.p12 with its passphrase", For: []Use{"client"}},
			{Do: "in the same settings, import picoca-root.crt as an authority"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Firefox on Windows, macOS and Android takes the roots that the system trusts."}, Tested: "the certificate store of Chromium and Firefox on Linux (NSS)", Sources: []string{"Mozilla NSS, pk12util and certutil"}},
	}},
	{ID: "caddy", Name: "Caddy", Group: "server", Firmware: []Firmware{
		{ID: "caddy", Name: "Caddy", Uses: []Use{"server", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "in the site block of the Caddyfile: tls CERT KEY, with the paths of cert.pem and key.pem"},
			{Run: "sudo systemctl reload caddy"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Tested: "Caddy of Debian 12", Sources: []string{"caddyserver.com, Caddyfile directive tls"}},
	}},
	{ID: "canon-printer", Name: "Canon printer", Group: "printer", Firmware: []Firmware{
		{ID: "canon-printer", Name: "Canon printer", Uses: []Use{"server", "trust"}, Keys: []string{"rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, RootKeys: []string{"rsa-2048", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf"}}},
			{Content: Content{Name: "picoca-root.cer", Container: "der", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "in Remote UI, in the settings for keys and certificates: register {stem}.p12 with its passphrase", For: []Use{"server"}},
			{Do: "in Remote UI, in the settings for CA certificates: register picoca-root.cer", For: []Use{"trust"}},
		}, CSR: "also", Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"These models take certificates with an RSA signature only, so the CA must be RSA too.", "It holds 3 to 8 keys, depending on the model."}, Sources: []string{"oip.manual.canon, USRMA-0630 and USRMA-0272"}},
	}},
	{ID: "cockpit", Name: "Cockpit", Group: "server", Firmware: []Firmware{
		{ID: "cockpit", Name: "Cockpit", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "50-picoca.crt", Container: "pem", Parts: []string{"leaf", "ca"}}, Path: "/etc/cockpit/ws-certs.d/50-picoca.crt", Mode: "0644"},
			{Content: Content{Name: "50-picoca.key", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}, Path: "/etc/cockpit/ws-certs.d/50-picoca.key", Mode: "0600"},
		}, Steps: []Step{
			{Run: "sudo systemctl restart cockpit"},
		}, Port: 9090, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Of several certificates in its folder, Cockpit takes the last one by name."}, Sources: []string{"cockpit-project.org, guide, https"}},
	}},
	{ID: "computer", Name: "any computer", Group: "server", Firmware: []Firmware{
		{ID: "openssl", Name: "nginx, Caddy, Node, Python, Go", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, MaxCertificateBytes: 102390, MaxCertificateSource: "estimated: OpenSSL reads at most 100 KB of certificates, by its documentation", Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Versions: []Version{
			{Range: "any", TLS: "OpenSSL, Go, ...", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: what OpenSSL reads, by its documentation"},
		}, Tested: "nginx, Caddy, Node, Python, Go and OpenSSL, with these files", Sources: []string{"OpenSSL, doc/man3/SSL_CTX_use_certificate.pod"}},
	}},
	{ID: "dovecot", Name: "Dovecot", Group: "server", Firmware: []Firmware{
		{ID: "dovecot", Name: "Dovecot", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root-crl.pem", Container: "pem", Parts: []string{"ca", "crl"}}, For: []Use{"server"}},
		}, Steps: []Step{
			{Do: "ssl_cert = <FILE and ssl_key = <FILE, with the paths of cert.pem and key.pem"},
			{Do: "to check clients' identities: ssl_ca = <FILE with the path of picoca-root-crl.pem, ssl_verify_client_cert = yes"},
			{Run: "sudo doveadm reload"},
		}, Port: 993, CRL: CRL{Setting: "append it to the root in the file of ssl_ca", Source: "doc.dovecot.org, Dovecot SSL configuration, ssl_require_crl"}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"By default Dovecot refuses every identity until a list of revoked certificates is in ssl_ca: picoca-root-crl.pem has both."}, Tested: "Dovecot of Debian 12", Sources: []string{"Dovecot, SSL configuration"}},
	}},
	{ID: "esp32", Name: "Espressif ESP32", Group: "board", Chip: "ESP32", RAMKB: 520, Default: []string{"micropython", "circuitpython", "esp-idf"}, Files: []File{
		{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}},
		{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}},
		{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
		{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}},
		{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
	}, Firmware: []Firmware{
		{ID: "micropython", Name: "MicroPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: as the Pico W's, since ESP-IDF's records hold 4096 bytes too", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "MicroPython: set the clock with ntptime, then context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cafile=\"picoca-root.der\"); context.verify_mode = ssl.CERT_REQUIRED; context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "1.20 - 1.29", TLS: "mbedTLS of ESP-IDF", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: mbedTLS as ESP-IDF configures it reads PEM and DER"},
		}, Sources: []string{"mbedTLS as ESP-IDF configures it: components/mbedtls/Kconfig"}},
		{ID: "circuitpython", Name: "CircuitPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: as the Pico W's, since ESP-IDF's records hold 4096 bytes too", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "CircuitPython: context = ssl.SSLContext(); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cadata=open(\"picoca-root.pem\").read()); context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "8.0 - 10.3", TLS: "mbedTLS of ESP-IDF", Loads: []string{"sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "reported by users"},
		}, Sources: []string{"reports of users"}},
		{ID: "esp-idf", Name: "ESP-IDF", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: as the Pico W's, since ESP-IDF's records hold 4096 bytes too", Files: []File{
			{Content: Content{Name: "servercert.pem", Container: "pem", Parts: []string{"leaf"}}, For: []Use{"server"}},
			{Content: Content{Name: "prvtkey.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, For: []Use{"server"}},
			{Content: Content{Name: "client.crt", Container: "pem", Parts: []string{"leaf"}}, For: []Use{"client"}},
			{Content: Content{Name: "client.key", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, For: []Use{"client"}},
			{Content: Content{Name: "cacert.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server", "client", "trust"}},
		}, Steps: []Step{
			{Do: "embed client.crt, client.key and cacert.pem with EMBED_TXTFILES, and give them to esp-mqtt as broker.verification.certificate (cacert.pem), credentials.authentication.certificate and .key", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "5", TLS: "mbedTLS, esp_https_server", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: mbedTLS as ESP-IDF configures it reads PEM and DER"},
		}, Costs: []Cost{
			{Firmware: "esp-idf@5", Key: "p256", HeapBytes: 40000, SizesSource: "reported by users", Seconds: 1, SecondsSource: "reported by users"},
		}, Sources: []string{"ESP-IDF, examples/protocols/https_server/simple and mqtt/ssl_mutual_auth"}},
		{ID: "arduino", Name: "the Arduino core", Uses: []Use{"client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "picoca_cert.h", Container: "c-header-pem", Parts: []string{"leaf", "key", "ca"}}, For: []Use{"client"}},
			{Content: Content{Name: "picoca_root.h", Container: "c-header-pem", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "client.setCACert(picoca_root_pem); client.setCertificate(picoca_cert_pem); client.setPrivateKey(picoca_key_pem); connect by name", For: []Use{"client"}},
		}, Clock: Clock{PowerOn: "1970-01-01", Source: "ESP-IDF: the system time begins at the epoch"}, Versions: []Version{
			{Range: "3", TLS: "mbedTLS of ESP-IDF, NetworkClientSecure", Client: Client{MatchesAddresses: "yes", ChecksDates: "no", Source: "read in ssl_client.cpp; measured with its mbedTLS"}},
		}, Notes: []string{"NetworkClientSecure reads PEM text only; DER arrays fail with -0x2180 and -0x3D00."}, Tested: "as a client: mbedTLS 2.28 from Debian, set up as the core does it, at Mosquitto", Sources: []string{"arduino-esp32, libraries/NetworkClientSecure/src/ssl_client.cpp"}},
	}, Notes: []string{"A connection takes about 40 KB outside Python's heap."}},
	{ID: "esp8266", Name: "Espressif ESP8266", Group: "board", Chip: "ESP8266", RAMKB: 80, Firmware: []Firmware{
		{ID: "arduino", Name: "the Arduino core", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: the limit of the boards with mbedTLS; BearSSL splits longer messages", Files: []File{
			{Content: Content{Name: "picoca_cert.h", Container: "c-header", Parts: []string{"leaf", "key", "ca"}}},
			{Content: Content{Name: "picoca_root.h", Container: "c-header", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "set the clock with NTP: BearSSL checks dates, and connect by name: BearSSL checks no addresses", For: []Use{"client"}},
			{Do: "BearSSL::X509List root(picoca_root_der, picoca_root_der_len), certificate(picoca_cert_der, picoca_cert_der_len); BearSSL::PrivateKey key(picoca_key_der, picoca_key_der_len)", For: []Use{"client"}},
			{Do: "client.setTrustAnchors(&root); client.setClientECCert(&certificate, &key, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX, BR_KEYTYPE_EC), or setClientRSACert(&certificate, &key) for an RSA key", For: []Use{"client"}},
		}, Clock: Clock{PowerOn: "1970-01-01", Source: "measured: error 54 of BearSSL"}, Versions: []Version{
			{Range: "3", TLS: "BearSSL", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: what BearSSL's decoder of keys takes, by its documentation", Client: Client{MatchesAddresses: "no", ChecksDates: "yes", Source: "measured: BearSSL set up the way the Arduino core does it"}},
		}, Notes: []string{"BearSSL asks for the issuer's key type when it loads an EC certificate: EC for a p256 root, RSA for an RSA one."}, Tested: "as a client: BearSSL from Debian, set up as the core does it, at Mosquitto", Sources: []string{"BearSSL, inc/bearssl_x509.h and bearssl_ssl.h"}},
		{ID: "micropython", Name: "MicroPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"rsa-2048"}, RootKeys: []string{"rsa-2048", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: the limit of the boards with mbedTLS; none is known for axTLS", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}},
			{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Versions: []Version{
			{Range: "1.20 - 1.29", TLS: "axTLS", Loads: []string{"pkcs1-der"}, LoadsSource: "measured once, not by the bench"},
		}, Notes: []string{"axTLS knows RSA only, for the certificate's key and for its root's."}, Sources: []string{"MicroPython 1.20 to 1.28, extmod/modtls_axtls.c"}},
	}},
	{ID: "esphome", Name: "ESPHome", Group: "smart home", Firmware: []Firmware{
		{ID: "esphome", Name: "ESPHome", Uses: []Use{"client", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "client_certificate.yaml", Container: "pem-yaml", Parts: []string{"leaf"}}, For: []Use{"client"}},
			{Content: Content{Name: "client_certificate_key.yaml", Container: "pem-yaml", Parts: []string{"key"}, Key: "traditional"}, For: []Use{"client"}},
			{Content: Content{Name: "certificate_authority.yaml", Container: "pem-yaml", Parts: []string{"ca"}}, For: []Use{"client"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "on an ESP32 with the ESP-IDF framework, below mqtt: put each file behind its key: certificate_authority, client_certificate, client_certificate_key", For: []Use{"client"}},
			{Do: "for http_request on an ESP32: ca_certificate_path: with the path of picoca-root.pem", For: []Use{"trust"}},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"On an ESP8266, ESPHome knows a broker by the SHA-1 fingerprint of its certificate (ssl_fingerprints) and not by a CA."}, Sources: []string{"ESPHome, components/mqtt/__init__.py", "github.com/esphome/esphome/pull/13552"}},
	}},
	{ID: "freeradius", Name: "FreeRADIUS", Group: "server", Firmware: []Firmware{
		{ID: "freeradius", Name: "FreeRADIUS", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server"}},
		}, Steps: []Step{
			{Do: "in mods-available/eap, section tls-config: certificate_file, private_key_file and ca_file with the paths of cert.pem, key.pem and picoca-root.pem; delete private_key_password"},
			{Run: "sudo systemctl restart freeradius"},
		}, CRL: CRL{Setting: "check_crl = yes, and append it to the file of ca_file", Source: "FreeRADIUS 3, mods-available/eap, check_crl"}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"The key must be readable by the user that FreeRADIUS runs as."}, Tested: "FreeRADIUS of Debian 12, EAP-TLS 1.2 and 1.3", Sources: []string{"FreeRADIUS, mods-available/eap"}},
	}},
	{ID: "frigate", Name: "Frigate", Group: "camera", Firmware: []Firmware{
		{ID: "frigate", Name: "Frigate", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "fullchain.pem", Container: "pem", Parts: []string{"leaf", "ca"}}},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
		}, Steps: []Step{
			{Do: "mount the folder with both files at /etc/letsencrypt/live/frigate; no symbolic links"},
			{Do: "Frigate looks for a new certificate every minute"},
		}, Port: 8971, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"docs.frigate.video, configuration/tls"}},
	}},
	{ID: "fritzbox", Name: "FRITZ!Box", Group: "network", Firmware: []Firmware{
		{ID: "fritzbox", Name: "FRITZ!Box", Uses: []Use{"server"}, Keys: []string{"rsa-2048", "p256"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.pem", Container: "pem", Parts: []string{"key", "leaf", "ca"}, Key: "traditional"}},
		}, Steps: []Step{
			{Do: "in the FRITZ!Box's page for its own certificate, import {stem}.pem; leave the password empty"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"p256 needs FRITZ!OS 8.25 or later. FRITZ!Repeaters take no certificate since FRITZ!OS 7.50."}, Sources: []string{"github.com/franzs/fritzbox_upload_certificate", "acme.sh, deploy/fritzbox.sh"}},
	}},
	{ID: "haproxy", Name: "HAProxy", Group: "server", Firmware: []Firmware{
		{ID: "haproxy", Name: "HAProxy", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.pem", Container: "pem", Parts: []string{"leaf", "key"}, Key: "pkcs8"}},
		}, Steps: []Step{
			{Do: "in the frontend: bind :443 ssl crt FILE, with the path of {stem}.pem"},
			{Run: "sudo systemctl reload haproxy"},
		}, Port: 443, CRL: CRL{Setting: "crl-file FILE, on the bind line", Source: "HAProxy Configuration Manual, section 5.1, crl-file"}, Versions: []Version{
			{Range: "any"},
		}, Tested: "HAProxy of Debian 12", Sources: []string{"HAProxy configuration manual, crt"}},
	}},
	{ID: "home-assistant", Name: "Home Assistant", Group: "smart home", Default: []string{"core"}, Firmware: []Firmware{
		{ID: "core", Name: "Home Assistant Core", Uses: []Use{"server", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "fullchain.pem", Container: "pem", Parts: []string{"leaf", "ca"}}, Path: "/ssl/fullchain.pem"},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}, Path: "/ssl/privkey.pem"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "copy both files to the folder /ssl", For: []Use{"server"}},
			{Do: "in configuration.yaml, below http: set ssl_certificate: /ssl/fullchain.pem and ssl_key: /ssl/privkey.pem; then restart", For: []Use{"server"}},
			{Do: "for devices at home with a certificate of this CA, install the community integration hass-additional-ca and give it picoca-root.pem", For: []Use{"trust"}},
		}, Port: 8123, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"ssl_peer_certificate locks out Home Assistant's own apps, since they have no identity."}, Sources: []string{"home-assistant.io, integration HTTP", "github.com/home-assistant/supervisor/issues/2433", "github.com/Athozs/hass-additional-ca"}},
		{ID: "mosquitto", Name: "the Mosquitto app", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "fullchain.pem", Container: "pem", Parts: []string{"leaf", "ca"}}, Path: "/ssl/fullchain.pem"},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}, Path: "/ssl/privkey.pem"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server"}, Path: "/ssl/picoca-root.pem"},
		}, Steps: []Step{
			{Do: "copy the files to the folder /ssl"},
			{Do: "in the options of the Mosquitto app: certfile: fullchain.pem, keyfile: privkey.pem, cafile: picoca-root.pem; then restart it"},
		}, Port: 8883, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Tasmota needs a broker with an RSA-2048 certificate."}, Sources: []string{"home-assistant/addons, mosquitto/DOCS.md"}},
	}},
	{ID: "hp-printer", Name: "HP printer with Jetdirect or EWS", Group: "printer", Firmware: []Firmware{
		{ID: "hp-printer", Name: "HP printer with Jetdirect or EWS", Uses: []Use{"server"}, Keys: []string{"rsa-2048", "p256"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096", "p384"}, Files: []File{
			{Content: Content{Name: "{stem}.pfx", Container: "p12", Parts: []string{"key", "leaf", "ca"}}},
		}, Steps: []Step{
			{Do: "in the printer's page (EWS) > Networking > Certificates: Import Certificate and Private Key, {stem}.pfx with its passphrase"},
		}, CSR: "also", Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Which key types it takes was not found documented; rsa-2048 is the safest."}, Sources: []string{"HP Jetdirect manual, certificate configuration (.pfx, PKCS#12)", "HP J7949E manual, p. 121", "acme.sh, deploy/hp_ews.sh"}},
	}},
	{ID: "iphone", Name: "iPhone, iPad, Mac", Group: "client", Firmware: []Firmware{
		{ID: "iphone", Name: "iPhone, iPad, Mac", Uses: []Use{"client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.mobileconfig", Container: "mobileconfig", Parts: []string{"key", "leaf", "ca"}, Profile: "legacy-des"}, For: []Use{"client"}},
			{Content: Content{Name: "picoca-root.mobileconfig", Container: "mobileconfig", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "open the profile in Safari, then Settings > Profile Downloaded > Install; it asks for the passphrase of the identity", For: []Use{"client"}},
			{Do: "open the profile in Safari, then Settings > Profile Downloaded > Install", For: []Use{"trust"}},
			{Do: "Settings > General > About > Certificate Trust Settings: switch the CA on"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"An identity on an iPhone works in Safari only.", "A profile that is not installed within about 8 minutes disappears."}, Sources: []string{"github.com/apple/device-management, mdm/profiles"}},
	}},
	{ID: "java", Name: "Java", Group: "server", Firmware: []Firmware{
		{ID: "java", Name: "Java", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf"}, Profile: "modern2023"}},
			{Content: Content{Name: "picoca-root.p12", Container: "p12", Parts: []string{"ca"}, Profile: "modern2023"}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "start Java with -Djavax.net.ssl.keyStore=FILE -Djavax.net.ssl.keyStorePassword=PASSPHRASE, with the path of {stem}.p12", For: []Use{"server", "client"}},
			{Do: "start Java with -Djavax.net.ssl.trustStore=FILE -Djavax.net.ssl.trustStorePassword=changeit, with the path of picoca-root.p12", For: []Use{"client", "trust"}},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Java does not enforce the name constraints in a root."}, Tested: "a Java server that asks for identities; keytool", Sources: []string{"Oracle, JSSE reference guide"}},
	}},
	{ID: "jellyfin", Name: "Jellyfin", Group: "media", Firmware: []Firmware{
		{ID: "jellyfin", Name: "Jellyfin", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.pfx", Container: "p12", Parts: []string{"key", "leaf", "ca"}, Profile: "modern2023"}},
		}, Steps: []Step{
			{Do: "in Dashboard > Networking: the path of {stem}.pfx and its passphrase; enable HTTPS; then restart"},
		}, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"jellyfin.org, troubleshooting"}},
	}},
	{ID: "mikrotik", Name: "MikroTik RouterOS", Group: "network", Firmware: []Firmware{
		{ID: "mikrotik", Name: "MikroTik RouterOS", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.cer", Container: "pem", Parts: []string{"leaf", "ca"}}},
			{Content: Content{Name: "{stem}.key", Container: "pem", Parts: []string{"key"}, Key: "traditional"}},
		}, Steps: []Step{
			{Run: "scp {folder}/{stem}.cer {folder}/{stem}.key admin@{name}:"},
			{Run: "ssh admin@{name} '/certificate import file-name={stem}.cer passphrase=\"\"'"},
			{Run: "ssh admin@{name} '/certificate import file-name={stem}.key passphrase=\"\"'"},
			{Run: "ssh admin@{name} /ip service set www-ssl certificate={stem}.cer_0"},
			{Run: "ssh admin@{name} '/file remove {stem}.cer; /file remove {stem}.key'"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"acme.sh, deploy/routeros.sh", "help.mikrotik.com, Certificates"}},
	}},
	{ID: "mosquitto", Name: "Mosquitto", Group: "server", Firmware: []Firmware{
		{ID: "mosquitto", Name: "Mosquitto", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, For: []Use{"server"}, Path: "/etc/mosquitto/certs/cert.pem", Mode: "0644", Owner: "root:root"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}, For: []Use{"server"}, Path: "/etc/mosquitto/certs/key.pem", Mode: "0400", Owner: "mosquitto:mosquitto"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server"}, Path: "/etc/mosquitto/ca_certificates/picoca-root.pem", Mode: "0644", Owner: "root:root"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, For: []Use{"client"}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}, For: []Use{"client"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "put these lines into /etc/mosquitto/conf.d/picoca.conf: listener 8883, cafile /etc/mosquitto/ca_certificates/picoca-root.pem, certfile /etc/mosquitto/certs/cert.pem, keyfile /etc/mosquitto/certs/key.pem", For: []Use{"server"}},
			{Do: "to let in only clients with an identity of this CA, add: require_certificate true, use_identity_as_username true", For: []Use{"server"}},
			{Run: "sudo systemctl restart mosquitto", For: []Use{"server"}},
			{Run: "mosquitto_pub -h BROKER -p 8883 --cafile {folder}/picoca-root.pem --cert {folder}/cert.pem --key {folder}/key.pem -t test -m hello", For: []Use{"client"}},
		}, Port: 8883, CRL: CRL{Setting: "crlfile FILE", Source: "mosquitto.conf(5)"}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Mosquitto, an MQTT broker, drops root before it reads the key: the key must be readable by user mosquitto."}, Tested: "Mosquitto of Debian 12, installed with these steps: as broker, with identities of seven kinds of clients, and refusing others", Sources: []string{"mosquitto.conf(5)"}},
	}},
	{ID: "nginx", Name: "nginx", Group: "server", Firmware: []Firmware{
		{ID: "nginx", Name: "nginx", Uses: []Use{"server", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "in the server block: listen 443 ssl, ssl_certificate and ssl_certificate_key with the paths of cert.pem and key.pem"},
			{Do: "to let in only visitors with an identity of this CA: ssl_client_certificate with the path of picoca-root.pem, ssl_verify_client on", For: []Use{"trust"}},
			{Run: "sudo nginx -t && sudo systemctl reload nginx"},
		}, Port: 443, CRL: CRL{Setting: "ssl_crl FILE", Source: "nginx.org, ngx_http_ssl_module, ssl_crl"}, Versions: []Version{
			{Range: "any"},
		}, Tested: "nginx of Debian 12", Sources: []string{"nginx.org, ngx_http_ssl_module"}},
	}},
	{ID: "node-red", Name: "Node-RED", Group: "smart home", Firmware: []Firmware{
		{ID: "node-red", Name: "Node-RED", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
		}, Steps: []Step{
			{Do: "in settings.js: https: { key: require(\"fs\").readFileSync(FILE), cert: require(\"fs\").readFileSync(FILE) }, with the paths of privkey.pem and cert.pem; then restart"},
		}, Port: 1880, Versions: []Version{
			{Range: "any"},
		}, Tested: "Node, as settings.js has it", Sources: []string{"Node-RED, settings.js"}},
	}},
	{ID: "octopi", Name: "OctoPi", Group: "server", Firmware: []Firmware{
		{ID: "octopi", Name: "OctoPi", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "snakeoil.pem", Container: "pem", Parts: []string{"key", "leaf"}, Key: "pkcs8"}, Path: "/etc/ssl/snakeoil.pem"},
		}, Steps: []Step{
			{Run: "scp {folder}/snakeoil.pem pi@{name}:"},
			{Run: "ssh pi@{name} sudo mv snakeoil.pem /etc/ssl/snakeoil.pem"},
			{Run: "ssh pi@{name} sudo systemctl restart haproxy"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"OctoPi, gencert and haproxy.cfg"}},
	}},
	{ID: "openmediavault", Name: "openmediavault", Group: "storage", Firmware: []Firmware{
		{ID: "openmediavault", Name: "openmediavault", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "fullchain.txt", Container: "pem-line", Parts: []string{"leaf", "ca"}}},
			{Content: Content{Name: "privkey.txt", Container: "pem-line", Parts: []string{"key"}, Key: "traditional"}},
		}, Steps: []Step{
			{Do: "with omv-rpc: CertificateMgmt set, with the contents of fullchain.txt as \"certificate\" and of privkey.txt as \"privatekey\"; WebGui setSettings with its uuid as sslcertificateref; Config applyChanges"},
			{Run: "ssh root@{name} nginx -s reload"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"acme.sh, deploy/openmediavault.sh"}},
	}},
	{ID: "openvpn", Name: "OpenVPN", Group: "server", Firmware: []Firmware{
		{ID: "openvpn", Name: "OpenVPN", Uses: []Use{"server", "client"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.p12", Container: "p12", Parts: []string{"key", "leaf", "ca"}, Profile: "modern2023"}},
		}, Steps: []Step{
			{Do: "in the configuration: pkcs12 FILE and askpass FILE, with the path of {stem}.p12 and of a file with its passphrase"},
		}, CRL: CRL{Setting: "crl-verify FILE", Source: "openvpn(8), --crl-verify"}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"The .p12 contains the root: OpenVPN wants it there."}, Tested: "OpenVPN of Debian 12, server and client", Sources: []string{"openvpn(8), --pkcs12"}},
	}},
	{ID: "openwrt", Name: "OpenWrt", Group: "network", Firmware: []Firmware{
		{ID: "openwrt", Name: "OpenWrt", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384"}, Files: []File{
			{Content: Content{Name: "uhttpd.crt", Container: "der", Parts: []string{"leaf"}}, Path: "/etc/uhttpd.crt"},
			{Content: Content{Name: "uhttpd.key", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Path: "/etc/uhttpd.key"},
		}, Steps: []Step{
			{Run: "scp -O {folder}/uhttpd.crt {folder}/uhttpd.key root@{name}:/etc/"},
			{Run: "ssh root@{name} /etc/init.d/uhttpd restart"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Tested: "loaded by Debian's mbedTLS, as uhttpd does; not on a router", Sources: []string{"OpenWrt, package/network/services/uhttpd/files/uhttpd.config", "github.com/openwrt/openwrt/issues/14168"}},
	}},
	{ID: "opnsense", Name: "OPNsense", Group: "network", Firmware: []Firmware{
		{ID: "opnsense", Name: "OPNsense", Uses: []Use{"server", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server", "trust"}},
		}, Steps: []Step{
			{Do: "in System > Trust > Authorities, import picoca-root.pem"},
			{Do: "in System > Trust > Certificates, import cert.pem and key.pem by pasting them", For: []Use{"server"}},
		}, CSR: "also", Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"opnsense/docs, self-signed-chain.rst"}},
	}},
	{ID: "pfsense", Name: "pfSense", Group: "network", Firmware: []Firmware{
		{ID: "pfsense", Name: "pfSense", Uses: []Use{"server", "trust"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"server", "trust"}},
		}, Steps: []Step{
			{Do: "in the certificate manager, import picoca-root.pem as an authority"},
			{Do: "in the certificate manager, import cert.pem and key.pem by pasting them", For: []Use{"server"}},
		}, CSR: "also", Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"docs.netgate.com, certificates/certificate"}},
	}},
	{ID: "pico-2-w", Name: "Raspberry Pi Pico 2 W", Group: "board", Chip: "RP2350", RAMKB: 520, Default: []string{"micropython", "circuitpython"}, Files: []File{
		{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}},
		{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}},
		{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
	}, Firmware: []Firmware{
		{ID: "micropython", Name: "MicroPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "measured by the board bench: the Certificate message must fit into one record, and the firmware's hold 4096 bytes", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "MicroPython: set the clock with ntptime, then context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cafile=\"picoca-root.der\"); context.verify_mode = ssl.CERT_REQUIRED; context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "1.25 - 1.28", TLS: "mbedTLS 3.6.2", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "1.29", TLS: "mbedTLS 3.6.6", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
		}, Costs: []Cost{
			{Firmware: "micropython@1.28", Key: "p256", Curve: "P-256", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 27280, SizesSource: "measured by the board bench", Seconds: 0.17, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.29", Key: "p256", Curve: "P-256", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 27280, SizesSource: "measured by the board bench", Seconds: 0.25, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.28", Key: "p384", Curve: "P-256", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 27392, SizesSource: "measured by the board bench", Seconds: 0.22, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.29", Key: "p384", Curve: "P-256", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 27392, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", Curve: "P-256", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 32912, SizesSource: "measured by the board bench", Seconds: 1.53, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", Curve: "P-256", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 32912, SizesSource: "measured by the board bench", Seconds: 1.64, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.28", Key: "rsa-3072", Curve: "P-256", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 37216, SizesSource: "measured by the board bench", Seconds: 4.1, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.29", Key: "rsa-3072", Curve: "P-256", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 37216, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-4096", Curve: "P-256", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 41488, SizesSource: "measured by the board bench", Seconds: 8.67, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "micropython@1.29", Key: "rsa-4096", Curve: "P-256", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 41488, SizesSource: "measured by the board bench"},
		}, ClientCosts: []ClientCost{
			{Firmware: "micropython@1.28", Key: "p256", ServerKey: "p256", HeapBytes: 29840, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 30432, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "p256", ServerKey: "p256", HeapBytes: 29840, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 30432, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 35488, SizesSource: "measured by the board bench"},
		}, Growth: Growth{HeapBytesPerByte: 1, HeapBytesPerName: 32, Source: "measured by the board bench"}, Tested: "the TLS of MicroPython, built by the board bench", Sources: []string{"testdata/boards/README.md: the TLS of the firmware, built for this computer"}},
		{ID: "circuitpython", Name: "CircuitPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "measured by the board bench: the Certificate message must fit into one record, and the firmware's hold 4096 bytes", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "CircuitPython: context = ssl.SSLContext(); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cadata=open(\"picoca-root.pem\").read()); context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "9.2.1 - 10.2", TLS: "mbedTLS 2.28.3", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "no", ChecksDates: "no", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "10.3", TLS: "mbedTLS 4", Loads: []string{"sec1-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured once, not by the bench"},
		}, Costs: []Cost{
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-384", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 30256, HeapListenerBytes: 55376, SizesSource: "measured by the board bench", Seconds: 0.48, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-521", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 31376, HeapListenerBytes: 56496, SizesSource: "measured by the board bench", Seconds: 0.87, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.2", Key: "p384", Curve: "P-384", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 30496, HeapListenerBytes: 55728, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p384", Curve: "P-521", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 31488, HeapListenerBytes: 56720, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-384", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 35104, HeapListenerBytes: 61728, SizesSource: "measured by the board bench", Seconds: 1.67, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-521", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 35472, HeapListenerBytes: 62096, SizesSource: "measured by the board bench", Seconds: 2.03, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.2", Key: "rsa-3072", Curve: "P-384", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 39056, HeapListenerBytes: 66496, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-3072", Curve: "P-521", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 39424, HeapListenerBytes: 66864, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-4096", Curve: "P-384", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 43040, HeapListenerBytes: 71328, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-4096", Curve: "P-521", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 43408, HeapListenerBytes: 71696, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-256", Seconds: 0.27, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-256", Seconds: 1.4, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.3", Key: "p256", Curve: "P-256", Seconds: 0.2, SecondsSource: "estimated: a third of the Pico W's"},
			{Firmware: "circuitpython@10.3", Key: "p256", Curve: "X25519", Seconds: 0.29, SecondsSource: "estimated: a third of the Pico W's"},
		}, ClientCosts: []ClientCost{
			{Firmware: "circuitpython@10.2", Key: "p256", ServerKey: "p256", HeapBytes: 32384, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 32384, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 37888, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 37888, SizesSource: "measured by the board bench"},
		}, Growth: Growth{HeapBytesPerByte: 1, HeapBytesPerName: 32, Source: "measured by the board bench"}, Notes: []string{"CircuitPython: wrap the accepted socket, not the listening one. That halves the heap.", "Users report 1.5 to 2.25 s for a page in CircuitPython."}, Tested: "the TLS of CircuitPython, built by the board bench", Sources: []string{"testdata/boards/README.md: the TLS of the firmware, built for this computer"}},
	}, Notes: []string{"TLS 1.2 without session resumption: every connection pays a full handshake.", "CircuitPython takes the strongest curve that a client offers for the key exchange: up to 10.2, P-521 from curl and OpenSSL, P-384 from Chromium. No certificate changes that. MicroPython takes P-256.", "16,717 bytes of the heap must be free in one piece."}},
	{ID: "pico-w", Name: "Raspberry Pi Pico W", Group: "board", Chip: "RP2040", RAMKB: 264, Default: []string{"micropython", "circuitpython"}, Files: []File{
		{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}},
		{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}},
		{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
	}, Firmware: []Firmware{
		{ID: "micropython", Name: "MicroPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "measured by the board bench: the Certificate message must fit into one record, and the firmware's hold 4096 bytes", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.der", Container: "der", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "MicroPython: set the clock with ntptime, then context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cafile=\"picoca-root.der\"); context.verify_mode = ssl.CERT_REQUIRED; context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Clock: Clock{PowerOn: "2021-01-01", Source: "measured: Pico W firmware in an emulator"}, Versions: []Version{
			{Range: "1.20 - 1.22", TLS: "mbedTLS 2.16.10, 2.28.3", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der"}, LoadsSource: "measured once, not by the bench", Client: Client{MatchesAddresses: "no", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "1.23", TLS: "mbedTLS 3.5.1", Loads: []string{"sec1-der", "pkcs1-der"}, LoadsSource: "measured once, not by the bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "1.24", TLS: "mbedTLS 3.5.1", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der"}, LoadsSource: "measured once, not by the bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "1.25 - 1.28", TLS: "mbedTLS 3.6.2", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "1.29", TLS: "mbedTLS 3.6.6", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "yes", ChecksDates: "yes", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
		}, Costs: []Cost{
			{Firmware: "micropython@1.28", Key: "p256", Curve: "P-256", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 27280, SizesSource: "measured by the board bench", Seconds: 0.5, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "micropython@1.29", Key: "p256", Curve: "P-256", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 27280, SizesSource: "measured by the board bench", Seconds: 0.76, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "micropython@1.28", Key: "p384", Curve: "P-256", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 27392, SizesSource: "measured by the board bench", Seconds: 0.65, SecondsSource: "measured: Pico W firmware in a cycle-counting emulator, 125 MHz"},
			{Firmware: "micropython@1.29", Key: "p384", Curve: "P-256", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 27392, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", Curve: "P-256", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 32912, SizesSource: "measured by the board bench", Seconds: 4.6, SecondsSource: "measured: Pico W firmware in a cycle-counting emulator, 125 MHz"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", Curve: "P-256", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 32912, SizesSource: "measured by the board bench", Seconds: 4.91, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "micropython@1.28", Key: "rsa-3072", Curve: "P-256", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 37216, SizesSource: "measured by the board bench", Seconds: 12.3, SecondsSource: "measured: Pico W firmware in a cycle-counting emulator, 125 MHz"},
			{Firmware: "micropython@1.29", Key: "rsa-3072", Curve: "P-256", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 37216, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-4096", Curve: "P-256", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 41488, SizesSource: "measured by the board bench", Seconds: 26, SecondsSource: "measured: Pico W firmware in a cycle-counting emulator, 125 MHz"},
			{Firmware: "micropython@1.29", Key: "rsa-4096", Curve: "P-256", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 41488, SizesSource: "measured by the board bench"},
		}, ClientCosts: []ClientCost{
			{Firmware: "micropython@1.28", Key: "p256", ServerKey: "p256", HeapBytes: 29840, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 30432, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.28", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "p256", ServerKey: "p256", HeapBytes: 29840, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 30432, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 35488, SizesSource: "measured by the board bench"},
			{Firmware: "micropython@1.29", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 35488, SizesSource: "measured by the board bench"},
		}, Growth: Growth{HeapBytesPerByte: 1, HeapBytesPerName: 32, Source: "measured by the board bench"}, Notes: []string{"MicroPython 1.28 starts with 203,088 bytes of heap free, Wi-Fi off (measured in the emulator).", "In 1.28 the first handshake takes 0.5 s and later ones 0.6 s; with mutual TLS 1.6 to 1.7 s, and about 3 KB more heap.", "1.29 has 12.8 KB less heap than 1.28."}, Tested: "the TLS of MicroPython, built by the board bench", Sources: []string{"testdata/boards/README.md: the TLS of the firmware, built for this computer"}},
		{ID: "circuitpython", Name: "CircuitPython", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "measured by the board bench: the Certificate message must fit into one record, and the firmware's hold 4096 bytes", Files: []File{
			{Content: Content{Name: "cert.der", Container: "der", Parts: []string{"leaf"}}, Form: "der"},
			{Content: Content{Name: "key.der", Container: "der", Parts: []string{"key"}, Key: "traditional"}, Form: "der"},
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}, Form: "pem"},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Form: "pem"},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "CircuitPython: context = ssl.SSLContext(); context.load_cert_chain(CERTIFICATE, KEY); context.load_verify_locations(cadata=open(\"picoca-root.pem\").read()); context.wrap_socket(socket, server_hostname=NAME)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "8.0 - 8.2", TLS: "mbedTLS 2.16.10", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured once, not by the bench", Client: Client{MatchesAddresses: "no", ChecksDates: "no", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "9.0 - 10.2", TLS: "mbedTLS 2.28.3", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured by the board bench", Client: Client{MatchesAddresses: "no", ChecksDates: "no", Source: "measured: this firmware's TLS as a client of mosquitto and OpenSSL"}},
			{Range: "10.3", TLS: "mbedTLS 4", Loads: []string{"sec1-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "measured once, not by the bench"},
		}, Costs: []Cost{
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-384", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 30256, HeapListenerBytes: 55376, SizesSource: "measured by the board bench", Seconds: 1.44, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-521", CertificateBytes: 398, MessageBytes: 408, HeapBytes: 31376, HeapListenerBytes: 56496, SizesSource: "measured by the board bench", Seconds: 2.6, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.2", Key: "p384", Curve: "P-384", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 30496, HeapListenerBytes: 55728, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p384", Curve: "P-521", CertificateBytes: 427, MessageBytes: 437, HeapBytes: 31488, HeapListenerBytes: 56720, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-384", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 35104, HeapListenerBytes: 61728, SizesSource: "measured by the board bench", Seconds: 5, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-521", CertificateBytes: 601, MessageBytes: 611, HeapBytes: 35472, HeapListenerBytes: 62096, SizesSource: "measured by the board bench", Seconds: 6.1, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.2", Key: "rsa-3072", Curve: "P-384", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 39056, HeapListenerBytes: 66496, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-3072", Curve: "P-521", CertificateBytes: 729, MessageBytes: 739, HeapBytes: 39424, HeapListenerBytes: 66864, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-4096", Curve: "P-384", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 43040, HeapListenerBytes: 71328, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-4096", Curve: "P-521", CertificateBytes: 857, MessageBytes: 867, HeapBytes: 43408, HeapListenerBytes: 71696, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p256", Curve: "P-256", Seconds: 0.8, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", Curve: "P-256", Seconds: 4.2, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.3", Key: "p256", Curve: "P-256", Seconds: 0.61, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
			{Firmware: "circuitpython@10.3", Key: "p256", Curve: "X25519", Seconds: 0.87, SecondsSource: "measured: the whole firmware of a Pico W in a cycle-counting emulator at 125 MHz, from ClientHello to Finished"},
		}, ClientCosts: []ClientCost{
			{Firmware: "circuitpython@10.2", Key: "p256", ServerKey: "p256", HeapBytes: 32384, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "p256", ServerKey: "rsa-2048", HeapBytes: 32384, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", ServerKey: "p256", HeapBytes: 37888, SizesSource: "measured by the board bench"},
			{Firmware: "circuitpython@10.2", Key: "rsa-2048", ServerKey: "rsa-2048", HeapBytes: 37888, SizesSource: "measured by the board bench"},
		}, Growth: Growth{HeapBytesPerByte: 1, HeapBytesPerName: 32, Source: "measured by the board bench"}, Notes: []string{"CircuitPython: wrap the accepted socket, not the listening one. That halves the heap."}, Tested: "the TLS of CircuitPython, built by the board bench", Sources: []string{"testdata/boards/README.md: the TLS of the firmware, built for this computer"}},
		{ID: "arduino", Name: "the Arduino core", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: the limit of the boards with mbedTLS; BearSSL splits longer messages", Files: []File{
			{Content: Content{Name: "picoca_cert.h", Container: "c-header", Parts: []string{"leaf", "key", "ca"}}},
			{Content: Content{Name: "picoca_root.h", Container: "c-header", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "set the clock with NTP: BearSSL checks dates, and connect by name: BearSSL checks no addresses", For: []Use{"client"}},
			{Do: "BearSSL::X509List root(picoca_root_der, picoca_root_der_len), certificate(picoca_cert_der, picoca_cert_der_len); BearSSL::PrivateKey key(picoca_key_der, picoca_key_der_len)", For: []Use{"client"}},
			{Do: "client.setTrustAnchors(&root); client.setClientECCert(&certificate, &key, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX, BR_KEYTYPE_EC), or setClientRSACert(&certificate, &key) for an RSA key", For: []Use{"client"}},
		}, Clock: Clock{PowerOn: "1970-01-01", Source: "reported by users: github.com/earlephilhower/arduino-pico/issues/2674"}, Versions: []Version{
			{Range: "3 - 5", TLS: "BearSSL", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: what BearSSL's decoder of keys takes, by its documentation", Client: Client{MatchesAddresses: "no", ChecksDates: "yes", Source: "measured: BearSSL set up the way the Arduino core does it"}},
		}, Costs: []Cost{
			{Firmware: "arduino@5", Key: "p256", HeapBytes: 6000, SizesSource: "reported by users"},
		}, Notes: []string{"BearSSL asks for the issuer's key type when it loads an EC certificate: EC for a p256 root, RSA for an RSA one."}, Tested: "as a client: BearSSL from Debian, set up as the core does it, at Mosquitto", Sources: []string{"BearSSL, inc/bearssl_x509.h and bearssl_ssl.h"}},
		{ID: "pico-sdk", Name: "the Pico SDK", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, MaxCertificateBytes: 4086, MaxCertificateSource: "estimated: as the Pico W's; your mbedtls_config.h decides", Files: []File{
			{Content: Content{Name: "picoca_cert.h", Container: "c-header", Parts: []string{"leaf", "key", "ca"}}},
			{Content: Content{Name: "picoca_root.h", Container: "c-header", Parts: []string{"ca"}}, For: []Use{"trust"}},
		}, Steps: []Step{
			{Do: "altcp_tls_create_config_client_2wayauth(picoca_root_der, picoca_root_der_len, picoca_key_der, picoca_key_der_len, NULL, 0, picoca_cert_der, picoca_cert_der_len)", For: []Use{"client"}},
		}, Versions: []Version{
			{Range: "1.5 - 2", TLS: "mbedTLS by altcp_tls, configured by you", Loads: []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, LoadsSource: "estimated: mbedTLS in its own configuration reads all of them"},
		}, Notes: []string{"PEM must end in a NUL byte, and its length counts that byte."}, Sources: []string{"mbedTLS, include/mbedtls/pk.h and x509_crt.h"}},
	}, Notes: []string{"TLS 1.2 without session resumption: every connection pays a full handshake.", "CircuitPython takes the strongest curve that a client offers for the key exchange: up to 10.2, P-521 from curl and OpenSSL, P-384 from Chromium. No certificate changes that. MicroPython takes P-256.", "16,717 bytes of the heap must be free in one piece."}},
	{ID: "pihole", Name: "Pi-hole 6", Group: "network", Firmware: []Firmware{
		{ID: "pihole", Name: "Pi-hole 6", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384", "rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "tls.pem", Container: "pem", Parts: []string{"leaf", "key"}, Key: "traditional"}, Path: "/etc/pihole/tls.pem", Mode: "0600", Owner: "pihole:pihole"},
		}, Steps: []Step{
			{Run: "sudo service pihole-FTL restart"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Tested: "loaded by Debian's mbedTLS; not by Pi-hole", Sources: []string{"pi-hole/FTL, config.c and x509.c"}},
	}},
	{ID: "plex", Name: "Plex Media Server", Group: "media", Firmware: []Firmware{
		{ID: "plex", Name: "Plex Media Server", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.pfx", Container: "p12", Parts: []string{"key", "leaf", "ca"}, Profile: "modern2023"}},
		}, Steps: []Step{
			{Do: "copy {stem}.pfx to the server, and let the user plex own it"},
			{Do: "in Settings > Network: the path of {stem}.pfx, its passphrase, and {name} as the domain"},
			{Run: "sudo systemctl restart plexmediaserver"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Plex keeps the passphrase readable in its settings."}, Sources: []string{"gist.github.com/churro-s/fa3fdeb5cf10ebb251aa88338b8b37db", "acme.sh, deploy/plex.sh"}},
	}},
	{ID: "proxmox", Name: "Proxmox VE", Group: "storage", Firmware: []Firmware{
		{ID: "proxmox", Name: "Proxmox VE", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "pveproxy-ssl.pem", Container: "pem", Parts: []string{"leaf", "ca"}}, Path: "/etc/pve/local/pveproxy-ssl.pem"},
			{Content: Content{Name: "pveproxy-ssl.key", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Path: "/etc/pve/local/pveproxy-ssl.key"},
		}, Steps: []Step{
			{Run: "scp {folder}/pveproxy-ssl.pem {folder}/pveproxy-ssl.key root@{name}:/etc/pve/local/"},
			{Run: "ssh root@{name} systemctl restart pveproxy"},
		}, Port: 8006, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"acme.sh, deploy/proxmoxve.sh", "gist.github.com/ahnooie, Proxmox certificates"}},
	}},
	{ID: "qnap", Name: "QNAP QTS", Group: "storage", Firmware: []Firmware{
		{ID: "qnap", Name: "QNAP QTS", Uses: []Use{"server"}, Keys: []string{"rsa-2048", "p256"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096", "p384"}, Files: []File{
			{Content: Content{Name: "stunnel.pem", Container: "pem", Parts: []string{"key", "leaf"}, Key: "traditional"}, Path: "/etc/stunnel/stunnel.pem"},
		}, Steps: []Step{
			{Do: "copy stunnel.pem to /etc/stunnel/stunnel.pem on the NAS, and run stunnel.sh reload there"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Which key types it takes was not found documented; rsa-2048 is the safest."}, Sources: []string{"gist.github.com/danie1k, QNAP certificates (2019)"}},
	}},
	{ID: "ruckus", Name: "Ruckus Unleashed, ZoneDirector", Group: "network", Firmware: []Firmware{
		{ID: "ruckus", Name: "Ruckus Unleashed, ZoneDirector", Uses: []Use{"server"}, Keys: []string{"rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "fullchain.pem", Container: "pem", Parts: []string{"leaf", "ca"}}},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "traditional"}},
		}, Steps: []Step{
			{Do: "in its web page for certificates, import fullchain.pem and privkey.pem"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"An ECDSA certificate makes the web page of versions before Unleashed 200.13 unreachable."}, Sources: []string{"acme.sh, deploy/ruckus.sh", "github.com/acmesh-official/acme.sh/pull/6285"}},
	}},
	{ID: "shelly", Name: "Shelly Gen2 and later", Group: "smart home", Firmware: []Firmware{
		{ID: "shelly", Name: "Shelly Gen2 and later", Uses: []Use{"server", "client", "trust"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"p384"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client", "trust"}},
		}, Steps: []Step{
			{Do: "in its page, Settings > TLS, or with the RPCs Shelly.PutHTTPServerCert and Shelly.PutHTTPServerKey: upload cert.pem and key.pem; then reboot it", For: []Use{"server"}},
			{Do: "with the RPCs Shelly.PutTLSClientCert and Shelly.PutTLSClientKey: upload cert.pem and key.pem; then reboot it", For: []Use{"client"}},
			{Do: "with the RPC Shelly.PutUserCA: upload picoca-root.pem", For: []Use{"client", "trust"}},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Needs firmware 1.8 or later. It takes no .p12, no key with a password, and no root in the chain."}, Sources: []string{"kb.shelly.cloud, TLS: Supported Certs", "shelly-api-docs, CustomHTTPSCertificates"}},
	}},
	{ID: "synology", Name: "Synology DSM", Group: "storage", Firmware: []Firmware{
		{ID: "synology", Name: "Synology DSM", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"issuer"}}, For: []Use{"server"}},
		}, Steps: []Step{
			{Do: "in Control Panel > Security > Certificate > Add > Add a new certificate > Import certificate: key.pem as private key, cert.pem as certificate, picoca-root.pem as intermediate certificate"},
			{Do: "under Settings, choose the services that use it"},
		}, CSR: "also", Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"synology.com, DSM help, connection_certificate"}},
	}},
	{ID: "tasmota", Name: "Tasmota", Group: "smart home", Firmware: []Firmware{
		{ID: "tasmota", Name: "Tasmota", Uses: []Use{"client"}, Keys: []string{"p256"}, MaxCertificateBytes: 765, MaxCertificateSource: "read in xdrv_02_9_mqtt.ino: TLSKey2 takes less than 1 KB of base64", Files: []File{
			{Content: Content{Name: "tasmota.txt", Container: "tasmota", Parts: []string{"leaf", "key"}}},
		}, Steps: []Step{
			{Do: "type both lines of tasmota.txt into Tasmota's console"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"The broker needs an RSA-2048 certificate: Tasmota offers only ECDHE-RSA-AES128-GCM.", "It knows no CA unless you build it with yours."}, Tested: "its one cipher suite in BearSSL from Debian, at Mosquitto", Sources: []string{"Tasmota, xdrv_02_9_mqtt.ino", "Tasmota documentation, TLS"}},
	}},
	{ID: "truenas", Name: "TrueNAS", Group: "storage", Firmware: []Firmware{
		{ID: "truenas", Name: "TrueNAS", Uses: []Use{"server"}, Keys: []string{"rsa-2048", "p256"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096", "p384"}, Files: []File{
			{Content: Content{Name: "fullchain.pem", Container: "pem", Parts: []string{"leaf", "ca"}}},
			{Content: Content{Name: "privkey.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
		}, Steps: []Step{
			{Do: "in the web interface, import fullchain.pem and privkey.pem as a certificate; then choose it for the web interface itself"},
		}, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Which key types it takes was not found documented; rsa-2048 is the safest."}, Sources: []string{"acme.sh, deploy/truenas_ws.sh"}},
	}},
	{ID: "unifi", Name: "UniFi Network", Group: "network", Firmware: []Firmware{
		{ID: "unifi", Name: "UniFi Network", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "unifi.p12", Container: "p12", Parts: []string{"key", "leaf", "ca"}, Profile: "modern2023"}, Password: Password{Fixed: "aircontrolenterprise", Source: "acme.sh, deploy/unifi.sh"}},
		}, Steps: []Step{
			{Do: "copy unifi.p12 to the computer with the UniFi controller, and do the next steps there"},
			{Run: "sudo cp /usr/lib/unifi/data/keystore /usr/lib/unifi/data/keystore_original"},
			{Run: "sudo keytool -importkeystore -srckeystore unifi.p12 -srcstoretype PKCS12 -srcstorepass aircontrolenterprise -srcalias 1 -destkeystore /usr/lib/unifi/data/keystore -deststorepass aircontrolenterprise -destkeypass aircontrolenterprise -destalias unifi -noprompt"},
			{Run: "sudo chown unifi: /usr/lib/unifi/data/keystore"},
			{Do: "for a p256 key, add to /usr/lib/unifi/data/system.properties: unifi.https.ciphers=ECDHE-ECDSA-AES256-GCM-SHA384,ECDHE-RSA-AES128-GCM-SHA256 and unifi.https.sslEnabledProtocols=TLSv1.3,TLSv1.2"},
			{Run: "sudo service unifi restart"},
		}, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"acme.sh, deploy/unifi.sh"}},
	}},
	{ID: "unifi-os", Name: "UniFi OS", Group: "network", Firmware: []Firmware{
		{ID: "unifi-os", Name: "UniFi OS", Uses: []Use{"server"}, Keys: []string{"p256", "rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "unifi-core.crt", Container: "pem", Parts: []string{"leaf", "ca"}}, Path: "/data/unifi-core/config/unifi-core.crt"},
			{Content: Content{Name: "unifi-core.key", Container: "pem", Parts: []string{"key"}, Key: "traditional"}, Path: "/data/unifi-core/config/unifi-core.key"},
		}, Steps: []Step{
			{Run: "scp {folder}/unifi-core.crt {folder}/unifi-core.key root@{name}:/data/unifi-core/config/"},
			{Run: "ssh root@{name} systemctl restart unifi-core"},
		}, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"acme.sh, deploy/unifi.sh"}},
	}},
	{ID: "zigbee2mqtt", Name: "Zigbee2MQTT", Group: "smart home", Firmware: []Firmware{
		{ID: "zigbee2mqtt", Name: "Zigbee2MQTT", Uses: []Use{"client"}, Keys: []string{"p256", "rsa-2048", "rsa-3072"}, NotRecommendedKeys: []string{"p384", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "cert.pem", Container: "pem", Parts: []string{"leaf"}}},
			{Content: Content{Name: "key.pem", Container: "pem", Parts: []string{"key"}, Key: "pkcs8"}},
			{Content: Content{Name: "picoca-root.pem", Container: "pem", Parts: []string{"ca"}}, For: []Use{"client"}},
		}, Steps: []Step{
			{Do: "in configuration.yaml, below mqtt: server: mqtts://BROKER:8883, and ca, cert and key with the paths of picoca-root.pem, cert.pem and key.pem; then restart"},
		}, Versions: []Version{
			{Range: "any"},
		}, Sources: []string{"zigbee2mqtt.io, guide/configuration/mqtt"}},
	}},
	{ID: "zyxel-gs1900", Name: "Zyxel GS1900", Group: "network", Firmware: []Firmware{
		{ID: "zyxel-gs1900", Name: "Zyxel GS1900", Uses: []Use{"server"}, Keys: []string{"rsa-2048"}, NotRecommendedKeys: []string{"rsa-3072", "rsa-4096"}, Files: []File{
			{Content: Content{Name: "{stem}.pfx", Container: "p12", Parts: []string{"key", "leaf", "ca"}}},
		}, Steps: []Step{
			{Do: "in its web page, import {stem}.pfx with its passphrase"},
		}, Port: 443, Versions: []Version{
			{Range: "any"},
		}, Notes: []string{"Needs firmware 2.80 or later, which refuses ECDSA. A longer key makes its page slow."}, Sources: []string{"acme.sh, deploy/zyxel_gs1900.sh"}},
	}},
}
