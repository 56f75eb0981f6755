//! Compressed files, recognised by their first bytes rather than their names: gzip and Zstandard.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read};
use std::iter::successors;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Whether a file that begins like this is compressed.
pub fn is_packed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(ZSTD)
}

/// The content, decompressed if necessary.
pub fn reader<'source>(source: impl Read + 'source) -> io::Result<Box<dyn Read + 'source>> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    // A pipe may give less than four bytes at first; no tool writes a compressed file that does so.
    let start = source.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        Box::new(Gzip(MultiGzDecoder::new(source)))
    } else if start.starts_with(ZSTD) {
        Box::new(Zstd {
            source,
            decoder: FrameDecoder::new(),
            in_frame: false,
        })
    } else {
        Box::new(source)
    })
}

/// What is wrong with compressed data, in plain words; disk errors are passed on.
fn fault(error: &(dyn Error + 'static)) -> io::Error {
    let cause = successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref::<io::Error>());
    let says = |kind, what| {
        io::Error::new(
            kind,
            format!("its compressed data {what}; the records before that are read"),
        )
    };
    match cause.map(|cause| (cause.raw_os_error(), cause.kind())) {
        Some((Some(number), _)) => io::Error::from_raw_os_error(number),
        Some((_, io::ErrorKind::UnexpectedEof)) => says(io::ErrorKind::UnexpectedEof, "ends too early"),
        _ => says(io::ErrorKind::InvalidData, "is damaged"),
    }
}

/// All members of a gzip file.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| fault(&error))
    }
}

/// All frames of a Zstandard file, one after the other: log rotation appends them.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.in_frame && !self.decoder.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder
                    .decode_blocks(&mut self.source, step)
                    .map_err(|error| fault(&error))?;
                continue;
            }
            if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.decoder.reset(&mut self.source).map_err(|error| fault(&error))?;
            self.in_frame = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::reader;

    fn unpacked(content: &[u8]) -> String {
        let mut text = String::new();
        reader(content).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn plain_and_packed_content_reads_alike() {
        let gzip = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        assert_eq!(unpacked(b"one\ntwo"), "one\ntwo");
        assert_eq!(unpacked(&[gzip("one\n"), gzip("two")].concat()), "one\ntwo");
        assert_eq!(unpacked(&[zstd("one\n"), zstd("two")].concat()), "one\ntwo");
        assert_eq!(unpacked(b""), "");
    }

    #[test]
    fn a_damaged_file_is_an_error_in_plain_words() {
        let zstd = compress_to_vec(&b"one\ntwo"[..], CompressionLevel::Fastest);
        for (packed, what) in [
            (&b"\x1f\x8bxyzxyzxyzxyz"[..], "is damaged"),
            (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b", "ends too early"),
            (b"\x28\xb5\x2f\xfd\xff", "ends too early"),
            (&zstd[..zstd.len() - 5], "ends too early"),
        ] {
            let error = reader(packed).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            let expected = format!("its compressed data {what}; the records before that are read");
            assert_eq!(error.to_string(), expected);
        }
    }
}
