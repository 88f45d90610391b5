/**
 * The folder `FOVEA_CACHE`, else `fovea` in the user's folder for caches (`XDG_CACHE_HOME` or ~/.cache; ~/Library/Caches;
 * %LOCALAPPDATA%). Node only.
 */
export function cacheFolder(): string {
  // Asked for at run time, so that a browser's bundler never sees them.
  const path = process.getBuiltinModule('node:path');
  const os = process.getBuiltinModule('node:os');
  const { FOVEA_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (FOVEA_CACHE) return path.resolve(FOVEA_CACHE);
  if (process.platform === 'win32' && LOCALAPPDATA) return path.join(LOCALAPPDATA, 'fovea', 'Cache');
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'fovea');
  return path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'fovea');
}
