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
