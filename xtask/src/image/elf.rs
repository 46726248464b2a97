//! Whether a binary runs where there is nothing but itself.

use anyhow::{bail, ensure};
use constants::architecture::Architecture;

/// Checks that these are the bytes of a static ELF executable for the architecture.
///
/// The fields' places are those of the 64-bit format, <https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>
/// and <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn check(bytes: &[u8], architecture: Architecture) -> anyhow::Result<()> {
    const LITTLE_ENDIAN_64_BIT: &[u8] = b"\x7fELF\x02\x01";
    const INTERPRETER: u32 = 3;
    ensure!(
        bytes.starts_with(LITTLE_ENDIAN_64_BIT),
        "it is not a 64-bit ELF executable"
    );
    let machine = u16_at(bytes, 18)?;
    ensure!(
        machine == machine_of(architecture),
        "it is for another machine (ELF machine {machine}) than {}",
        architecture.rust_target()
    );
    let headers_start = usize::try_from(u64::from_le_bytes(field(bytes, 32)?))?;
    let header_bytes = usize::from(u16_at(bytes, 54)?);
    for index in 0..usize::from(u16_at(bytes, 56)?) {
        let header = headers_start.saturating_add(index * header_bytes);
        if u32::from_le_bytes(field(bytes, header)?) == INTERPRETER {
            bail!("it is linked dynamically, and the image has no library and no dynamic linker");
        }
    }
    Ok(())
}

fn machine_of(architecture: Architecture) -> u16 {
    match architecture {
        Architecture::X86_64 => 62,
        Architecture::Arm64 => 183,
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> anyhow::Result<u16> {
    Ok(u16::from_le_bytes(field(bytes, offset)?))
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> anyhow::Result<[u8; N]> {
    let field = bytes.get(offset..offset.saturating_add(N));
    match field.and_then(|field| field.try_into().ok()) {
        Some(field) => Ok(field),
        None => bail!("it is cut short"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one program header of this type.
    fn elf(machine: u16, program_header_type: u32) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes.extend(program_header_type.to_le_bytes());
        bytes
    }

    fn check(bytes: &[u8], expected: &str) {
        let seen =
            super::check(bytes, Architecture::X86_64).map_or_else(|error| error.to_string(), |()| "fine".to_owned());
        assert_eq!(seen, expected);
    }

    #[test]
    fn tells_what_is_static_and_for_the_machine() {
        check(&elf(62, 1), "fine");
        check(
            &elf(62, 3),
            "it is linked dynamically, and the image has no library and no dynamic linker",
        );
        check(
            &elf(183, 1),
            "it is for another machine (ELF machine 183) than x86_64-unknown-linux-gnu",
        );
        check(b"#!/bin/sh", "it is not a 64-bit ELF executable");
        check(&elf(62, 1)[..66], "it is cut short");
        check(&elf(62, 1)[..10], "it is cut short");
    }

    #[test]
    fn this_test_itself_is_dynamic() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let host = if cfg!(target_arch = "x86_64") {
            Architecture::X86_64
        } else {
            Architecture::Arm64
        };
        assert!(super::check(&bytes, host).is_err());
    }
}
