// Networks that people know by name, in the words of impairments, each with where its figures come from. A round trip is
// shared between both ways. Used by the command's shell, and listed by it. Data only.

export interface Profile {
  /** What is sent, and what is received. */
  readonly up: string
  readonly down: string
  readonly source: string
}

const WPT = 'WebPageTest, connectivity.ini'
const THROTTLE = 'sitespeed.io throttle'
const COMCAST = 'Comcast (tylertreat), README'

function profile(source: string, roundTrip: number, up: string, down: string, more = ''): Profile {
  const words = (rate: string) => `delay ${roundTrip / 2}ms${more} rate ${rate}`
  return { up: words(up), down: words(down), source }
}

export const PROFILES = {
  edge: profile(WPT, 840, '200kbit', '240kbit'),
  '3g': profile(WPT, 300, '768kbit', '1600kbit'),
  '3g-fast': profile(WPT, 150, '768kbit', '1600kbit'),
  '3g-slow': profile(WPT, 200, '330kbit', '780kbit'),
  '4g': profile(THROTTLE, 170, '9mbit', '9mbit'),
  lte: profile(THROTTLE, 70, '12mbit', '12mbit'),
  dial: profile(WPT, 120, '30kbit', '49kbit'),
  dsl: profile(WPT, 50, '384kbit', '1500kbit'),
  cable: profile(WPT, 28, '1mbit', '5mbit'),
  wifi: profile(`${COMCAST}: WIFI (good)`, 40, '30mbit', '30mbit', ' loss 0.1%'),
  lossy: profile(`${COMCAST}: DSL (poor)`, 70, '2mbit', '2mbit', ' loss 1%'),
  satellite: profile(
    'geostationary: RFC 2488, 2; the rates of broadband to the FCC (2015)',
    558,
    '3mbit',
    '25mbit',
  ),
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof PROFILES
export const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[]
