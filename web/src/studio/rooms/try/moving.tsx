import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { strings } from '../../strings.ts';
import { FrameLoop } from './frameLoop.ts';
import type { TrySession } from './session.ts';

const texts = strings.try;

/** Where frames come from: a file of the visitor, or a camera. */
export type Moving = { readonly kind: 'video'; readonly file: File } | { readonly kind: 'camera' };

/** Why there are no frames, in words. */
function whyNot(error: unknown): string {
  const { name, message } = error as Error;
  const camera = strings.camera;
  if (name === 'NotAllowedError' || name === 'SecurityError') return camera.denied;
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return camera.missing;
  if (name === 'NotReadableError') return camera.busy;
  return camera.other(message || name);
}

async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(strings.camera.insecure);
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  return navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: { ideal: 'environment' } } });
}

interface PlayerProps {
  readonly session: TrySession;
  readonly moving: Moving;
  onClose(): void;
}

/** A video or camera whose frames the model looks at. The last frame stays, to be saved or labelled. */
export function Player({ session, moving, onClose }: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const paused = useSignal(false);
  const rate = useSignal<number | undefined>(undefined);
  const name = moving.kind === 'video' ? moving.file.name : strings.camera.title;

  useEffect(() => {
    const own = video.current!;
    let left = false;
    let stream: MediaStream | undefined;
    let url: string | undefined;
    const fail = (error: unknown) => {
      if (left) return;
      session.error.value = moving.kind === 'camera' ? whyNot(error) : texts.notAVideo(name);
    };
    const follow = () => {
      paused.value = own.paused;
    };
    const start = async () => {
      if (moving.kind === 'video') {
        url = URL.createObjectURL(moving.file);
        own.src = url;
      } else {
        stream = await openCamera();
        if (left) return end();
        own.srcObject = stream;
      }
      await own.play();
    };
    const end = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
      if (url) URL.revokeObjectURL(url);
    };
    for (const event of ['play', 'pause', 'ended']) own.addEventListener(event, follow);
    own.addEventListener('error', fail);
    const loop = new FrameLoop(
      own,
      (frame) => session.look(frame, texts.frameName(name, own.currentTime), () => !left),
      (now) => {
        rate.value = now;
      },
    );
    // What interrupts the start, such as leaving the room, is no fault.
    start().catch((error) => (error as Error).name !== 'AbortError' && fail(error));
    return () => {
      left = true;
      loop.stop();
      own.pause();
      end();
    };
  }, [session, moving]);

  const toggle = () => {
    const own = video.current!;
    if (own.paused) void own.play();
    else own.pause();
  };
  return (
    <section class="try-player" aria-label={name}>
      <video ref={video} muted playsInline controls={moving.kind === 'video'} aria-label={name} />
      <div class="bar">
        <button type="button" onClick={toggle}>
          {paused.value ? texts.play : texts.pause}
        </button>
        <button type="button" onClick={onClose}>
          {texts.end}
        </button>
        <span class="soft" role="status">
          {paused.value ? texts.paused : rate.value === undefined ? '' : texts.rate(rate.value)}
        </span>
      </div>
    </section>
  );
}
