// Make writes the vectors of this folder that come from Go, into the folder
// that is its argument: what golang.org/x/mod and filippo.io/torchwood make of
// the same keys and entries.
//
// Ed25519 is deterministic and the time is fixed, so it writes the same bytes
// each time.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	origin = "registry.example/log"
	timeS  = 1785542400 // 2026-08-01T00:00:00Z
)

var folder string

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func write(name string, data []byte) {
	check(os.WriteFile(filepath.Join(folder, name), data, 0o644))
}

func writeJSON(name string, value any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	check(encoder.Encode(value))
	write(name, text.Bytes())
}

// seed is 32 times the same byte: these keys are known to everybody.
func seed(b byte) []byte { return bytes.Repeat([]byte{b}, ed25519.SeedSize) }

func skey(name string, b byte) string {
	public := ed25519.NewKeyFromSeed(seed(b)).Public().(ed25519.PublicKey)
	id := keyID(name, 1, public)
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, id,
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed(b)...)))
}

func keyID(name string, algorithm byte, public ed25519.PublicKey) uint32 {
	hash := sha256.Sum256(append([]byte(name+"\n"+string(algorithm)), public...))
	return binary.BigEndian.Uint32(hash[:])
}

func vkey(name string, b byte) string {
	vkey, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed(b)).Public().(ed25519.PublicKey))
	check(err)
	return vkey
}

// cosigner signs as tlog-cosignature says, at a time that is fixed, which
// torchwood's own does not.
type cosigner struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
}

func newCosigner(name string, b byte) cosigner {
	key := ed25519.NewKeyFromSeed(seed(b))
	signer, err := torchwood.NewCosignatureSigner(name, key)
	check(err)
	return cosigner{signer, key}
}

func (c cosigner) Sign(text []byte) ([]byte, error) {
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", timeS, text)
	sig := binary.BigEndian.AppendUint64(nil, timeS)
	sig = append(sig, ed25519.Sign(c.key, []byte(message))...)
	if !c.Verifier().Verify(text, sig) {
		return nil, fmt.Errorf("torchwood does not take the cosignature")
	}
	return sig, nil
}

func sign(text string, signers ...note.Signer) []byte {
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	check(err)
	return signed
}

func signer(name string, b byte) note.Signer {
	signer, err := note.NewSigner(skey(name, b))
	check(err)
	return signer
}

// canonical is RFC 8785 for what has no numbers but integers, and no names but
// in ASCII.
func canonical(entry any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(entry))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

func main() {
	folder = os.Args[1]

	source, err := os.ReadFile(filepath.Join(folder, "entries.json"))
	check(err)
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	var entries []map[string]any
	check(decoder.Decode(&entries))

	// The tree, and its one bundle.
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, hashes[index])
		}
		return found, nil
	})
	var bundle []byte
	var leaves []map[string]string
	for i, entry := range entries {
		leaf := canonical(entry)
		stored, err := tlog.StoredHashes(int64(i), leaf, reader)
		check(err)
		hashes = append(hashes, stored...)
		bundle, err = torchwood.AppendTileEntry(bundle, leaf)
		check(err)
		leaves = append(leaves, map[string]string{
			"leaf": string(leaf), "hash": tlog.RecordHash(leaf).String(),
		})
	}
	write("bundle", bundle)
	writeJSON("leaves.json", leaves)
	size := int64(len(entries))
	root, err := tlog.TreeHash(size, reader)
	check(err)
	tile := tlog.Tile{H: 8, L: 0, N: 0, W: int(size)}
	data, err := tlog.ReadTileData(tile, reader)
	check(err)
	write("tile", data)

	// Keys.
	witness := newCosigner("witness.example/w1", 2)
	own := newCosigner(origin, 1)
	writeJSON("keys.json", map[string]string{
		"log":         vkey(origin, 1),
		"logPrivate":  skey(origin, 1),
		"logCosigner": own.Verifier().String(),
		"witness":     witness.Verifier().String(),
		"successor":   vkey(origin, 3),
	})

	// A checkpoint, and the receipt of the last entry.
	text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}.String()
	checkpoint := sign(text, signer(origin, 1), own, witness)
	write("checkpoint", checkpoint)
	proof, err := tlog.ProveRecord(size, size-1, reader)
	check(err)
	write("receipt.tlog-proof", torchwood.FormatProof(size-1, proof, checkpoint))
	extra := []byte("sha256:" + strings.Repeat("ee", 32))
	write("receipt-extra.tlog-proof",
		torchwood.FormatProofWithExtraData(size-1, extra, proof, checkpoint))

	// Our own notes, which are text to Go.
	tree := fmt.Sprintf("%d\n%s\n", size, root)
	index := "mcpkg.dev/index@v1\n" + origin + "\nio.github.acme/weather\n" + tree +
		"0 publish 1.0.0\n2 publish 1.1.0\n"
	write("index.note", sign(index, signer(origin, 1)))
	succession := "mcpkg.dev/log-succession@v1\n" + vkey(origin, 1) + "\n" + tree + vkey(origin, 3) + "\n"
	write("succession.note", sign(succession, signer(origin, 1), signer(origin, 3)))

	// The paths of tiles.
	var paths []map[string]any
	for _, tile := range []tlog.Tile{
		{H: 8, L: 0, N: 0, W: 256}, {H: 8, L: 0, N: 0, W: 1}, {H: 8, L: 0, N: 999, W: 255},
		{H: 8, L: 0, N: 1000, W: 256}, {H: 8, L: 0, N: 1234067, W: 256},
		{H: 8, L: 1, N: 1234067, W: 17}, {H: 8, L: 2, N: 70000, W: 112},
		{H: 8, L: 5, N: 1000000000, W: 256}, {H: 8, L: -1, N: 0, W: 256},
		{H: 8, L: -1, N: 273, W: 112}, {H: 8, L: -1, N: 1234067, W: 256},
	} {
		path := torchwood.TilePath(tile)
		again, err := torchwood.ParseTilePath(path)
		check(err)
		if again != tile {
			log.Fatalf("%v is %s is %v", tile, path, again)
		}
		row := map[string]any{
			"path": strings.TrimPrefix(path, "tile/"), "index": tile.N, "width": tile.W,
		}
		if tile.L >= 0 {
			row["level"] = tile.L
		}
		paths = append(paths, row)
	}
	writeJSON("tile-paths.json", paths)
}
