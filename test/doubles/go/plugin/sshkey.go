package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"os"
)

// prepareKey puts the machine's key into its directory: a copy of the given one, or a new one, whose public half the
// provider gets.
func (d *Driver) prepareKey() (string, error) {
	d.SSHKeyPath = d.inStore("id_rsa")
	if d.SSHKey != "" {
		text, err := os.ReadFile(d.SSHKey)
		if err != nil {
			return "", err
		}
		return "", os.WriteFile(d.SSHKeyPath, text, 0o600)
	}
	public, err := newKey(d.SSHKeyPath)
	if err != nil || d.AuthorizedKeys == "" {
		return public, err
	}
	return public, authorize(d.AuthorizedKeys, public)
}

func newKey(file string) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", err
	}
	public := publicLine(&key.PublicKey)
	return public, os.WriteFile(file+".pub", []byte(public+"\n"), 0o600)
}

// publicLine is the key as authorized_keys has it: three parts, each after its length (RFC 4253, 6.6).
func publicLine(key *rsa.PublicKey) string {
	var wire bytes.Buffer
	exponent := big.NewInt(int64(key.E)).Bytes()
	for _, part := range [][]byte{[]byte("ssh-rsa"), exponent, append([]byte{0}, key.N.Bytes()...)} {
		binary.Write(&wire, binary.BigEndian, uint32(len(part)))
		wire.Write(part)
	}
	return "ssh-rsa " + base64.StdEncoding.EncodeToString(wire.Bytes())
}

func authorize(file, public string) error {
	handle, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer handle.Close()
	_, err = handle.WriteString(public + "\n")
	return err
}
