package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// apiKey is the secret by which a user is known: 32 random bytes, in text. Whoever
// has it is that user, so it is printed once, to the user, and kept only as a hash.
type apiKey string

// keyPrefix tells those who find a key in a log or a repository what it opens.
const keyPrefix = "orders_"

func newAPIKey() apiKey {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails
	return apiKey(keyPrefix + base64.RawURLEncoding.EncodeToString(secret[:]))
}

// hash is what the database keeps. SHA-256 is right because a key is random:
// nobody can try them all. Passwords can be guessed, and need a slow hash with a salt, such as Argon2id.
func (k apiKey) hash() []byte {
	sum := sha256.Sum256([]byte(k))
	return sum[:]
}

// String keeps a key out of whatever is printed or logged by mistake; string(k) is the key.
func (apiKey) String() string { return "(an API key)" }
