/** Names that a file of weights has no use for: those through which a pickle runs code. */

/** Modules of Python's library that reach the system, load code, or run it. With all that is in them. */
const MODULES = new Set(
  (
    'os posix nt posixpath ntpath subprocess _posixsubprocess sys shutil socket _socket socketserver ssl ctypes _ctypes cffi ' +
    'importlib imp runpy pty pdb bdb code codeop webbrowser signal multiprocessing threading _thread asyncio http urllib ' +
    'urllib2 httplib ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc marshal pickle _pickle cPickle dill cloudpickle ' +
    'joblib shelve pkgutil zipimport zipfile tarfile gc timeit profile cProfile doctest pydoc pip ensurepip venv setuptools ' +
    'distutils sysconfig atexit faulthandler tempfile fileinput linecache fcntl mmap idlelib lib2to3 py_compile compileall ' +
    'winreg _winapi msvcrt sqlite3 pexpect paramiko IPython'
  ).split(' '),
);

/** Functions of `builtins` that run code, open files, or change what is there. */
const BUILTINS = new Set(
  (
    'eval exec execfile compile open file input raw_input __import__ breakpoint exit quit help globals locals setattr delattr ' +
    'apply reload map filter reduce'
  ).split(' '),
);

/** Functions and classes elsewhere that call what they are given, or load more code. */
const NAMES = new Set(
  (
    'torch.load torch.hub torch.ops torch.package torch.compile torch.serialization.load torch.utils.model_zoo ' +
    'torch.utils.cpp_extension torch.utils.collect_env torch.utils.bottleneck torch.storage._load_from_bytes numpy.load ' +
    'numpy.loadtxt numpy.fromfile numpy.memmap numpy.testing numpy.f2py numpy.distutils functools.reduce itertools.starmap ' +
    'operator.attrgetter operator.methodcaller operator.call _operator.attrgetter _operator.methodcaller types.CodeType ' +
    'types.FunctionType types.LambdaType types.MethodType logging.config io.open io.FileIO io.open_code _io.open _io.FileIO ' +
    'platform.popen inspect.getattr_static'
  ).split(' '),
);

/** Tells whether a pickle may not even name this. */
export function isRefused(path: string): boolean {
  const parts = path.split('.');
  if (MODULES.has(parts[0]!)) return true;
  if (parts[0] === 'builtins') return parts.slice(1).some((part) => BUILTINS.has(part));
  // No name in the list has more parts.
  return parts.slice(0, 4).some((_, i) => NAMES.has(parts.slice(0, i + 1).join('.')));
}

/**
 * Tells whether a pickle may not call this: a function of torch, NumPy or Python that `readTorch` does not know. Their classes
 * begin with a capital letter; functions of other packages are never called either, and their results are opaque.
 */
export const isUnknownFunction = (path: string): boolean =>
  /^(torch|numpy|builtins)\./.test(path) &&
  !path.startsWith('numpy.random.') &&
  !/(^|\.)_?[A-Z]\w*$/.test(path);
