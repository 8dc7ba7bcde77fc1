use super::*;

/// As RFC 1071 says it, two bytes at a time.
fn plain(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    let sum = words.fold(0_u64, |sum, word| sum + u64::from(word));
    (0..4).fold(sum, |sum, _| (sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn the_sum_is_that_of_the_plain_way_for_every_length_and_place() {
    let mut seed = 7_u32;
    let bytes: Vec<u8> = (0..300)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .collect();
    for start in 0..8 {
        for end in start..bytes.len() {
            assert_eq!(sum_of(&bytes[start..end]), plain(&bytes[start..end]), "{start} to {end}");
        }
    }
    assert_eq!(sum_of(&[0xff; 65_535]), plain(&[0xff; 65_535]));
}

#[test]
fn each_part_gets_its_own_and_the_last_may_be_shorter() {
    let mut bytes: Vec<u8> = (0..47).collect();
    let before = bytes.clone();
    assert_eq!(finish_parts(&mut bytes, 3, 40, 16, 4, 6, 0), 3);
    for (start, end) in [(3, 19), (19, 35), (35, 43)] {
        let place = start + 6;
        assert_eq!(bytes[place..place + 2], (!plain(&before[start + 4..end])).to_be_bytes());
        assert_eq!(bytes[start..place], before[start..place]);
        assert_eq!(bytes[place + 2..end], before[place + 2..end]);
    }
    assert_eq!((&bytes[..3], &bytes[43..]), (&before[..3], &before[43..]));
}

#[test]
fn zero_has_two_ways_to_be_written() {
    for zero in [0, 0xffff] {
        let mut bytes = [0xff, 0xff, 0, 0];
        assert_eq!(finish_parts(&mut bytes, 0, 4, 4, 0, 2, zero), 1);
        assert_eq!(bytes[2..], zero.to_be_bytes());
    }
}

#[test]
fn what_is_not_there_is_left_alone() {
    let before = [1; 40];
    let mut bytes = before;
    for (start, length, step, from, place) in [
        (41, 0, 1, 0, 0),
        (0, 41, 10, 0, 2),
        (u32::MAX, u32::MAX, 1, 0, 0),
        (0, 40, 10, 11, 2),
        (0, 40, 10, 0, 9),
    ] {
        assert_eq!(finish_parts(&mut bytes, start, length, step, from, place, 0), 0);
    }
    assert_eq!(finish_parts(&mut bytes, 0, 40, 0, 0, 0, 0), 0);
    assert_eq!(bytes, before);
    // The last one is too short.
    assert_eq!(finish_parts(&mut bytes, 0, 21, 10, 0, 2, 0), 2);
}
