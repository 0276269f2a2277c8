// Log reads the static files of a log, and checks all of them with the packages
// that Go's own checksum database is read with: golang.org/x/mod/sumdb/note and
// sumdb/tlog.
//
//	go run . FOLDER VKEY
//
// FOLDER holds `checkpoint` and `tile/…` as C2SP tlog-tiles lays them out. VKEY
// is the log's key. The exit status is 0 if
//
//   - the checkpoint is signed by the key, and names the log as the key does;
//   - the entries of the bundles are as many as it says, and give its root;
//   - every file below `tile/` is a tile of this tree, or of a smaller one that
//     this one goes on from, and holds what the entries make of it;
//   - read through the tiles alone, every entry is proved to be in the tree, and
//     the tree to go on from each smaller one.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
	// Up to this size, consistency is checked from every size there is.
	everySize = 1000
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: log FOLDER VKEY")
		os.Exit(2)
	}
	size, files, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Printf("%d entries and %d files hold\n", size, files)
}

// check returns how many entries and files there are.
func check(folder, vkey string) (int64, int, error) {
	tree, err := openCheckpoint(filepath.Join(folder, "checkpoint"), vkey)
	if err != nil {
		return 0, 0, err
	}
	log := &ownLog{}
	for log.size < tree.N {
		entries, err := readBundle(folder, log.size/width, tree.N)
		if err != nil {
			return 0, 0, err
		}
		for _, entry := range entries {
			if err := log.append(entry); err != nil {
				return 0, 0, err
			}
		}
	}
	root, err := log.root(tree.N)
	if err != nil {
		return 0, 0, err
	}
	if root != tree.Hash {
		return 0, 0, fmt.Errorf("the entries give the root %v, and the checkpoint says %v", root, tree.Hash)
	}
	files, err := checkFiles(folder, log)
	if err != nil {
		return 0, 0, err
	}
	return tree.N, files, checkProofs(folder, tree, log)
}

// openCheckpoint returns the tree that the key has signed.
func openCheckpoint(path, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the checkpoint: %w", err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not one of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("the checkpoint has the size %q", lines[1])
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the checkpoint has the root %q: %w", lines[2], err)
	}
	return tlog.Tree{N: size, Hash: hash}, nil
}

// readBundle returns the entries of one bundle of a tree of that size.
func readBundle(folder string, index, size int64) ([][]byte, error) {
	wanted := min(size-index*width, width)
	path := tilePath(tlog.Tile{H: height, L: -1, N: index, W: int(wanted)})
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	entries, err := split(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(entries)) != wanted {
		return nil, fmt.Errorf("%s has %d entries, expected %d", path, len(entries), wanted)
	}
	return entries, nil
}

// split takes a bundle apart: each entry comes after its length in 16 bits.
func split(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("the bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	return entries, nil
}

// ownLog is the log as the entries make it, without any tile.
type ownLog struct {
	size    int64
	hashes  []tlog.Hash
	entries [][]byte
}

func (l *ownLog) append(entry []byte) error {
	stored, err := tlog.StoredHashes(l.size, entry, l)
	l.size++
	l.hashes = append(l.hashes, stored...)
	l.entries = append(l.entries, entry)
	return err
}

// ReadHashes makes an ownLog a [tlog.HashReader].
func (l *ownLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, l.hashes[index])
	}
	return hashes, nil
}

func (l *ownLog) root(size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, l)
}

// tilePath is where C2SP tlog-tiles has a tile, below the folder of the log.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), "tile/8/")
	if rest, ok := strings.CutPrefix(path, "data/"); ok {
		path = "entries/" + rest
	}
	return "tile/" + path
}

// parseTilePath is the other way round.
func parseTilePath(path string) (tlog.Tile, error) {
	path = strings.TrimPrefix(path, "tile/")
	if rest, ok := strings.CutPrefix(path, "entries/"); ok {
		path = "data/" + rest
	}
	return tlog.ParseTilePath("tile/8/" + path)
}

// checkFiles compares each file below tile/ with what the entries make of it,
// and demands that no tile of the tree is missing.
func checkFiles(folder string, log *ownLog) (int, error) {
	files := 0
	err := filepath.WalkDir(filepath.Join(folder, "tile"), func(path string, file fs.DirEntry, err error) error {
		if log.size == 0 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || file.IsDir() {
			return err
		}
		files++
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		tile, err := parseTilePath(filepath.ToSlash(name))
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		expected, err := log.tile(tile)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, expected) {
			return fmt.Errorf("%s is not the tile of this tree", name)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for level := 0; log.size>>(height*level) > 0; level++ {
		hashes := log.size >> (height * level)
		for index := int64(0); index*width < hashes; index++ {
			tile := tlog.Tile{H: height, L: level, N: index, W: int(min(hashes-index*width, width))}
			if _, err := os.Stat(filepath.Join(folder, tilePath(tile))); err != nil {
				return 0, err
			}
		}
	}
	return files, nil
}

// tile returns what the entries make of a tile.
func (l *ownLog) tile(tile tlog.Tile) ([]byte, error) {
	level := max(tile.L, 0)
	end := tile.N*width + int64(tile.W)
	if end > l.size>>(height*level) {
		return nil, fmt.Errorf("%s is beyond the tree", tilePath(tile))
	}
	if tile.L >= 0 {
		return tlog.ReadTileData(tile, l)
	}
	var data []byte
	for _, entry := range l.entries[tile.N*width : end] {
		data = binary.BigEndian.AppendUint16(data, uint16(len(entry)))
		data = append(data, entry...)
	}
	return data, nil
}

// tiles is a [tlog.TileReader] of the folder.
type tiles string

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range wanted {
		bytes, err := os.ReadFile(filepath.Join(string(t), tilePath(tile)))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// checkProofs proves everything there is to prove, from the tiles alone.
func checkProofs(folder string, tree tlog.Tree, log *ownLog) error {
	if tree.N == 0 {
		return nil
	}
	reader := tlog.TileHashReader(tree, tiles(folder))
	if root, err := tlog.TreeHash(tree.N, reader); err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles give the root %v: %w", root, err)
	}
	for index, entry := range log.entries {
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry))
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	step := 1 + tree.N/everySize
	for size := int64(1); size <= tree.N; size += step {
		root, err := log.root(size)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, size, reader)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, size, root)
		}
		if err != nil {
			return fmt.Errorf("from size %d: %w", size, err)
		}
	}
	return nil
}
