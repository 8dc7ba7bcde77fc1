// How long a worker goes on asking before it sleeps. A sleep and a wake-up cost more than many
// frames, but asking in vain burns a core: so the time follows what the traffic has shown, as the
// kernel's halt polling does (virt/kvm: grow when the wake-up came soon, drop when it did not).

/** ns. A gap longer than this is not worth polling through. */
const MAX_SPIN = 100_000
const FIRST_SPIN = 20_000

/** The next spin time, after a wait of `waited` ns of which at most `spin` were spent asking. */
export function nextSpin(spin: number, waited: number): number {
  if (waited <= spin) return spin
  if (waited <= MAX_SPIN) return Math.min(MAX_SPIN, Math.max(FIRST_SPIN, spin * 2))
  return 0
}
