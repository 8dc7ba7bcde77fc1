// Whose turn it is in the link thread. Everything that asks the kernel is done in turns of one pair each, one at a
// time, and between two of them the thread hears what is new: so nobody waits for all that another pair has brought
// about. Used by linked-pairs.ts; it knows neither pairs nor orders.
//
//   orders    one after the other for each pair. Urgent: somebody waits for it; patient: a flap's, which come without end
//   errands   what a pair has to do without an order (look at an end, go on with its carrier): one turn for all of it
//
// Urgent orders take turns with the rest. Among each, the pair goes first that has taken the least time of late: whoever
// has an end that flaps without end waits for itself. Clocks decide about the order only.

/** Turns of what belongs to no pair yet: creations, which wait for each other. */
export const NO_PAIR = 0

/** ms after which half of what a pair has taken is forgotten. */
const HALF_LIFE = 500

interface Order {
  work: () => void
  urgent: boolean
}

interface Account {
  readonly key: number
  readonly orders: Order[]
  /** One of the orders is: those in front of it are as urgent. */
  urgent: number
  errand: boolean
  /** The pair is no more. */
  gone: boolean
  /** ms that its turns have taken, as of `at`. */
  spent: number
  at: number
}

export interface TurnsSetup {
  /** Has a pair run its errand. Must not throw. */
  errand: (key: number) => void
  /** Calls back when other things had their turn. */
  later?: (turn: () => void) => void
  clock?: () => number
}

export class Turns {
  readonly #errand: (key: number) => void
  readonly #later: (turn: () => void) => void
  readonly #clock: () => number
  readonly #accounts = new Map<number, Account>()
  readonly #waiting = new Set<Account>()
  #urgentLast = false
  #going = false

  constructor({ errand, later = setImmediate, clock = () => performance.now() }: TurnsSetup) {
    this.#errand = errand
    this.#later = later
    this.#clock = clock
  }

  /** `work` must not throw. */
  order(key: number, work: () => void, urgent: boolean): void {
    const account = this.#account(key)
    account.orders.push({ work, urgent })
    if (urgent) account.urgent++
    this.#wait(account)
  }

  /** However often it is said before its turn comes, it is one. */
  errand(key: number): void {
    const account = this.#account(key)
    account.errand = true
    this.#wait(account)
  }

  /** The pair is no more: what was ordered has its turn yet. */
  forget(key: number): void {
    const account = this.#accounts.get(key)
    if (account === undefined) return
    account.errand = false
    account.gone = true
    this.#settle(account)
  }

  #settle(account: Account): void {
    if (account.orders.length > 0 || account.errand) return
    this.#waiting.delete(account)
    if (account.gone) this.#accounts.delete(account.key)
  }

  #account(key: number): Account {
    let account = this.#accounts.get(key)
    if (account === undefined) {
      account = { key, orders: [], urgent: 0, errand: false, gone: false, spent: 0, at: 0 }
      this.#accounts.set(key, account)
    }
    return account
  }

  #wait(account: Account): void {
    this.#waiting.add(account)
    if (this.#going) return
    this.#going = true
    this.#later(() => this.#turn())
  }

  #turn(): void {
    const now = this.#clock()
    const urgent = this.#first(now, (account) => account.urgent > 0)
    const other = this.#first(now, (account) => account.errand || account.orders.length > account.urgent)
    const isUrgent = urgent !== undefined && (other === undefined || !this.#urgentLast)
    this.#urgentLast = isUrgent
    const account = isUrgent ? urgent : other
    if (account !== undefined) this.#take(account, isUrgent, now)
    this.#going = this.#waiting.size > 0
    if (this.#going) this.#later(() => this.#turn())
  }

  /** Its errand, and then its order: that was given later, or at least not in vain. */
  #take(account: Account, isUrgent: boolean, now: number): void {
    const order = isUrgent || !account.errand ? account.orders.shift() : undefined
    const { errand } = account
    account.errand = false
    if (order?.urgent) account.urgent--
    this.#settle(account)
    if (errand) this.#errand(account.key)
    order?.work()
    account.spent = spentBy(account, now) + this.#clock() - now
    account.at = now
  }

  #first(now: number, has: (account: Account) => boolean): Account | undefined {
    let first: Account | undefined
    let least = Number.POSITIVE_INFINITY
    for (const account of this.#waiting) {
      if (!has(account)) continue
      const spent = spentBy(account, now)
      if (spent >= least) continue
      first = account
      least = spent
    }
    return first
  }
}

function spentBy({ spent, at }: Account, now: number): number {
  return spent * 2 ** ((at - now) / HALF_LIFE)
}
