package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
)

// positionBytes is the size of the file of the position: number and offset, little-endian, and their CRC-32C.
const positionBytes = 20

func (s *Spool) positionPath() string { return filepath.Join(s.dir, "position") }

// readPosition returns what the file says; zeros if there is none, or half of one.
func (s *Spool) readPosition() (number uint64, at int64) {
	content, err := os.ReadFile(s.positionPath())
	if err != nil || len(content) != positionBytes || crc32.Checksum(content[:16], castagnoli) != binary.LittleEndian.Uint32(content[16:]) {
		return 0, 0
	}
	return binary.LittleEndian.Uint64(content), int64(binary.LittleEndian.Uint64(content[8:]))
}

func (s *Spool) writePosition(number uint64, at int64) error {
	content := make([]byte, 0, positionBytes)
	content = binary.LittleEndian.AppendUint64(content, number)
	content = binary.LittleEndian.AppendUint64(content, uint64(at))
	content = binary.LittleEndian.AppendUint32(content, crc32.Checksum(content, castagnoli))
	file, err := os.OpenFile(s.positionPath(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(content, 0)
	return errors.Join(err, file.Close())
}

// makeFolder makes a folder, and those around it, that are on disk when it returns.
func makeFolder(dir string) error {
	var parents []string
	for at := dir; filepath.Dir(at) != at; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil {
			break
		}
		parents = append(parents, filepath.Dir(at))
	}
	err := os.MkdirAll(dir, 0o700)
	for _, parent := range parents {
		if err == nil {
			err = syncFolder(parent)
		}
	}
	return err
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// keepFile writes a file that is on disk when it returns.
func keepFile(name string, content []byte) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close(), syncFolder(filepath.Dir(name)))
}
