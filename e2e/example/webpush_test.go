package example

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

var base64url = base64.RawURLEncoding

// subscription is what a page sends to the board (Push API, PushSubscriptionJSON).
type subscription struct {
	Endpoint string            `json:"endpoint"`
	Keys     map[string]string `json:"keys"`
}

// ask is a line for testdata/webpush/answer.py.
type ask struct {
	Op           string `json:"op"`
	Data         string `json:"data"`
	Private      string `json:"private,omitempty"`
	Salt         string `json:"salt,omitempty"`
	Contact      string `json:"contact,omitempty"`
	Origin       string `json:"origin,omitempty"`
	Now          int64  `json:"now,omitempty"`
	Subscription any    `json:"subscription,omitempty"`
}

// answers runs webpush.py in the real MicroPython, with the memory that a board
// has left beside a web server.
func answers(t *testing.T, asks []ask) []json.RawMessage {
	t.Helper()
	bench := rig.BoardBench(t)
	var path []string
	for _, dir := range []string{"internal/example/templates/micropython", "testdata/webpush"} {
		absolute, err := filepath.Abs(filepath.Join(rig.Root, dir))
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, absolute)
	}
	var input bytes.Buffer
	for _, line := range asks {
		if err := json.NewEncoder(&input).Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bench.Dir, "micropython"), "-X", "heapsize=150k", filepath.Join(path[1], "answer.py"))
	cmd.Env = append(cmd.Environ(), "MICROPYPATH="+path[0]+":"+filepath.Join(bench.Dir, "lib"))
	cmd.Stdin = &input
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all []json.RawMessage
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		all = append(all, json.RawMessage(bytes.Clone(scanner.Bytes())))
	}
	if len(all) != len(asks) {
		t.Fatalf("got %d answers to %d questions", len(all), len(asks))
	}
	return all
}

// binary decodes an answer in base64url.
func binaryOf(t *testing.T, answer json.RawMessage) []byte {
	t.Helper()
	var text string
	if err := json.Unmarshal(answer, &text); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	data, err := base64url.DecodeString(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return data
}

// subscriber is the other end: what subscribed.
type subscriber struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newSubscriber(t testing.TB) subscriber {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	rand.Read(auth)
	return subscriber{key, auth}
}

func (b subscriber) subscription(endpoint string) subscription {
	return subscription{endpoint, map[string]string{
		"p256dh": base64url.EncodeToString(b.key.PublicKey().Bytes()), "auth": base64url.EncodeToString(b.auth),
	}}
}

// decrypt reads a message as RFC 8291 section 3.4 and RFC 8188 section 2 have it.
func (b subscriber) decrypt(body []byte) ([]byte, error) {
	if len(body) < 86 || body[20] != 65 || binary.BigEndian.Uint32(body[16:20]) != 4096 {
		return nil, fmt.Errorf("header %x", body[:min(len(body), 21)])
	}
	salt, sender, sealed := body[:16], body[21:86], body[86:]
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(b.key.PublicKey().Bytes()) + string(sender)
	secret, err := hkdf.Key(sha256.New, shared, b.auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, keyErr := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, nonceErr := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: nonce\x00", 12)
	block, blockErr := aes.NewCipher(key)
	if err := errors.Join(keyErr, nonceErr, blockErr); err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	padded, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	text, padding, _ := bytes.Cut(padded, []byte{2}) // the messages have no such byte
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return nil, fmt.Errorf("padding %x", padding)
	}
	return text, nil
}

// checkToken verifies the Authorization header of RFC 8292, and returns its claims.
func checkToken(header string) (public []byte, claims map[string]any, err error) {
	rest, ok := strings.CutPrefix(header, "vapid t=")
	token, key, ok2 := strings.Cut(rest, ", k=")
	if !ok || !ok2 {
		return nil, nil, fmt.Errorf("header %q", header)
	}
	if public, err = base64url.DecodeString(key); err != nil || len(public) != 65 {
		return nil, nil, fmt.Errorf("key %q: %v", key, err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, fmt.Errorf("token %q", token)
	}
	verifier, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), public)
	if err != nil {
		return nil, nil, err
	}
	signature, err := base64url.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || len(signature) != 64 ||
		!ecdsa.Verify(verifier, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, nil, fmt.Errorf("signature %q does not verify (%v)", parts[2], err)
	}
	head, headErr := base64url.DecodeString(parts[0])
	body, bodyErr := base64url.DecodeString(parts[1])
	if string(head) != `{"typ":"JWT","alg":"ES256"}` {
		return nil, nil, fmt.Errorf("token's header is %s (%v)", head, headErr)
	}
	return public, claims, errors.Join(headErr, bodyErr, json.Unmarshal(body, &claims))
}

func decodeHex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestVectors are those of RFC 8291 appendix A, and RFC 6979 appendix A.2.5.
func TestVectors(t *testing.T) {
	t.Parallel()
	watermelon := subscription{"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", map[string]string{
		"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "auth": "BTBZMqHH6r4Tts7J_aSIgg",
	}}
	private := base64url.EncodeToString(decodeHex(t, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
	got := answers(t, []ask{
		{Op: "encrypt", Data: base64url.EncodeToString([]byte("When I grow up, I want to be a watermelon")), Subscription: watermelon,
			Private: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", Salt: "DGv6ra1nlYgDCS1FRnbzlw"},
		{Op: "sign", Data: base64url.EncodeToString([]byte("sample")), Private: private},
		{Op: "sign", Data: base64url.EncodeToString([]byte("test")), Private: private},
	})
	want := []string{
		"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
		base64url.EncodeToString(decodeHex(t, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")),
		base64url.EncodeToString(decodeHex(t, "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083")),
	}
	for i := range want {
		if string(got[i]) != `"`+want[i]+`"` {
			t.Errorf("%d: got %s, want %q", i, got[i], want[i])
		}
	}
}

// TestMessagesOfManyKeys: 200 browsers and 200 boards, texts of all lengths up to
// the longest, against two other implementations. What http_ece writes with the
// same keys and salt is the same to the last byte.
func TestMessagesOfManyKeys(t *testing.T) {
	t.Parallel()
	const n = 200
	var asks []ask
	var subscribers []subscriber
	var texts, publics [][]byte
	for i := range n {
		s := newSubscriber(t)
		text := bytes.Repeat([]byte{'x'}, i*3993/(n-1))
		board, salt := newSubscriber(t).key, newSubscriber(t).auth
		subscribers, texts, publics = append(subscribers, s), append(texts, text), append(publics, board.PublicKey().Bytes())
		private := base64url.EncodeToString(board.Bytes())
		asks = append(asks,
			ask{Op: "encrypt", Data: base64url.EncodeToString(text), Subscription: s.subscription("https://web.push.apple.com/x"),
				Private: private, Salt: base64url.EncodeToString(salt)},
			ask{Op: "token", Private: private, Contact: "mailto:ann@example.com", Origin: "https://web.push.apple.com", Now: 1_800_000_000})
	}
	got := answers(t, asks)
	var for2nd []map[string]string
	for i := range n {
		body := binaryOf(t, got[2*i])
		text, err := subscribers[i].decrypt(body)
		if err != nil || !bytes.Equal(text, texts[i]) {
			t.Errorf("message %d: got %d bytes (%v), want %d", i, len(text), err, len(texts[i]))
		}
		for2nd = append(for2nd, map[string]string{
			"private": base64url.EncodeToString(subscribers[i].key.Bytes()), "auth": base64url.EncodeToString(subscribers[i].auth),
			"body": base64url.EncodeToString(body), "sender": asks[2*i].Private,
		})
		checkTokenOf(t, got[2*i+1], publics[i])
	}
	for i, answer := range httpECE(t, for2nd) {
		if answer.Text != base64url.EncodeToString(texts[i]) || answer.Again != for2nd[i]["body"] {
			t.Errorf("message %d: http_ece reads %.20q, and would write %.20q", i, answer.Text, answer.Again)
		}
	}
}

func checkTokenOf(t *testing.T, answer json.RawMessage, want []byte) {
	t.Helper()
	var header string
	if err := json.Unmarshal(answer, &header); err != nil {
		t.Fatal(err)
	}
	public, claims, err := checkToken(header)
	switch {
	case err != nil:
		t.Error(err)
	case !bytes.Equal(public, want):
		t.Errorf("got key %x, want %x", public, want)
	case claims["aud"] != "https://web.push.apple.com" || claims["sub"] != "mailto:ann@example.com" || claims["exp"] != float64(1_800_000_000+12*3600):
		t.Errorf("got claims %v", claims)
	}
}

// httpECE asks http_ece.
func httpECE(t *testing.T, messages []map[string]string) (all []struct{ Text, Again string }) {
	t.Helper()
	rig.NeedDrivers(t)
	input, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "node", "nodejs"), "ece.js")
	cmd.Dir, cmd.Stdin, cmd.Stderr = rig.ClientDrivers, bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != len(messages) {
		t.Fatalf("got %d answers (%v), want %d", len(all), err, len(messages))
	}
	return all
}

// TestSubscriptionsThatAreRefused: anybody in the house can send one.
func TestSubscriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newSubscriber(t)
	with := func(endpoint string) subscription { return b.subscription(endpoint) }
	without := func(key, value string) subscription {
		s := with("https://web.push.apple.com/x")
		s.Keys[key] = value
		return s
	}
	offCurve := b.key.PublicKey().Bytes()
	offCurve[64] ^= 1
	good := []any{
		with("https://web.push.apple.com/x"), with("https://fcm.googleapis.com/fcm/send/x"), with("https://db5p.notify.windows.com/w/?token=x"),
		with("https://updates.push.services.mozilla.com/wpush/v2/x"),
	}
	bad := []any{
		with("http://web.push.apple.com/x"), with("https://evil.example/x"), with("https://web.push.apple.com.evil.example/x"),
		with("https://web.push.apple.com@evil.example/x"), with("https://evil.example@web.push.apple.com/x"), with("https://web.push.apple.com:8443/x"),
		with("https://evilnotify.windows.com/x"), with("https://evil.example:443.notify.windows.com/x"), with("https://192.168.1.1/x"), with("https://a@b.notify.windows.com/x"),
		with("https://evil.example?.notify.windows.com/x"), with("https://evil.example#.notify.windows.com/x"), with(`https://evil.example\.notify.windows.com/x`),
		with("https://web.push.apple.com/x\r\nX: y"), with("https://web.push.apple.com/" + strings.Repeat("x", 1000)), with(""),
		without("p256dh", base64url.EncodeToString(offCurve)), without("p256dh", "AAAA"), without("p256dh", ""), without("auth", "AAAA"), without("auth", "!"),
		without("p256dh", base64url.EncodeToString(append([]byte{4}, make([]byte, 64)...))),
		map[string]any{}, map[string]any{"endpoint": 1}, map[string]any{"endpoint": "https://web.push.apple.com/x", "keys": nil}, []int{1}, "x", 1,
		map[string]any{"endpoint": []string{"https://"}, "keys": map[string]string{}}, map[string]any{"endpoint": "https://web.push.apple.com/x", "keys": map[string]any{"p256dh": 1, "auth": 2}},
	}
	var asks []ask
	for _, s := range append(good, bad...) {
		asks = append(asks, ask{Op: "check", Subscription: s})
	}
	for i, answer := range answers(t, asks) {
		refused := strings.HasPrefix(string(answer), `"ValueError: `)
		if want := i >= len(good); refused != want {
			t.Errorf("%v: got %s, want it refused: %v", asks[i].Subscription, answer, want)
		}
	}
}
