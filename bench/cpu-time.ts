import type { Db } from 'mongodb'

/** Processor time this process and the database server have used so far, milliseconds: trustworthy under load, where rates are not. */
export async function processorMs(db: Db): Promise<number> {
  const { user, system } = process.cpuUsage()
  const { extra_info: server } = await db.admin().serverStatus()
  return (user + system + (server?.user_time_us ?? 0) + (server?.system_time_us ?? 0)) / 1_000
}
