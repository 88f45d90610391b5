export async function verifyCommand(_options: object): Promise<number> {
  return 1;
}
