package resource

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// PartSeparator separates the parts of a prefix for Rename. No part contains it, so the hash tells "a-b","c" from
// "a","b-c". Names show a dash instead.
const PartSeparator = "/"

// hashLength is the number of base32 characters of a name's hash: 40 bits.
const hashLength = 8

// Name returns a physical name of at most limit characters: a readable prefix made of the parts, and a hash. The hash
// covers every part in full (so "a-b","c" and "a","b-c" differ, and long names stay distinct after they are cut) and
// the seeds. Seeds are not shown: account and region, where AWS names are global or account-wide.
func Name(limit int, seeds []string, parts ...string) string {
	h := sha256.New()
	for _, s := range append(parts[:len(parts):len(parts)], seeds...) {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return cut(strings.Join(parts, "-"), limit, h.Sum(nil))
}

// Rename returns a name of at most limit characters: the prefix, with dashes instead of PartSeparators, and a hash of
// the whole prefix and of texts.
func Rename(limit int, prefix string, texts ...string) string {
	return Name(limit, texts, prefix)
}

func cut(prefix string, limit int, sum []byte) string {
	prefix = strings.ReplaceAll(prefix, PartSeparator, "-")
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum))[:hashLength]
	if room := limit - hashLength - 1; len(prefix) > room {
		prefix = prefix[:room]
	}
	return strings.TrimRight(prefix, "-") + "-" + hash
}
