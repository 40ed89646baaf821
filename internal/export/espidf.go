package export

import "github.com/picoca/picoca/internal/ca"

// espServer writes the files that ESP-IDF's example of esp_https_server embeds
// (EMBED_TXTFILES, which ends each with a NUL), and the root for a server that
// asks its clients for theirs.
func espServer(b Bundle) ([]File, error) { return espFiles(b, "servercert.pem", "prvtkey.pem") }

// espClient writes the files that ESP-IDF's examples of clients with mutual
// TLS embed.
func espClient(b Bundle) ([]File, error) { return espFiles(b, "client.crt", "client.key") }

func espFiles(b Bundle, cert, key string) ([]File, error) {
	files, err := pemLeaf(b)
	if err != nil {
		return nil, err
	}
	files[0].Name, files[1].Name = cert, key
	return append(files, File{Name: "cacert.pem", Data: ca.CertificatePEM(b.Root)}), nil
}
